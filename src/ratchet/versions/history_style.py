"""How the page of the history looks: light and dark, wide and narrow."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2128; --soft: #5c6672; --line: #d9dee4; --paper: #fff;
  --card: #f6f8fa; --blue: #2563c9; --pale: #c5d8f7; --red: #c0322c; --orange: #b45f06;
  --sand: #f5d9b0; --green: #17763a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ee; --soft: #98a3af; --line: #333b45;
  --paper: #11151a; --card: #1a2027; --blue: #74a7f7; --pale: #2a4470; --red: #f47d76;
  --orange: #e8a25a; --sand: #64451c; --green: #5fc983; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 20px 60px; max-width: 1060px; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 1.1rem; margin: 36px 0 8px; }
p { margin: 4px 0; }
.soft { color: var(--soft); }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { margin: 6px 0; padding: 8px 10px; background: var(--card); border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 10px; margin: 18px 0; padding: 0; }
.facts div { background: var(--card); border-radius: 8px; padding: 10px 16px; flex: 1 1 150px; }
.facts dt { color: var(--soft); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.2rem; font-weight: 600; }
.facts small { display: block; font-size: .8rem; font-weight: 400; color: var(--soft); }
.wide { overflow-x: auto; }
/* Too wide for a phone: it is scrolled, and begins at its right end. */
.newest { direction: rtl; }
.newest svg { direction: ltr; }
svg { display: block; width: 100%; min-width: 680px; height: auto; font-size: 12px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; padding: 0; list-style: none;
  color: var(--soft); font-size: .85rem; }
.legend b { display: inline-block; width: 10px; height: 10px; margin-right: 6px;
  border-radius: 50%; border: 2px solid; }
.legend .bar { border-radius: 2px; border: 0; width: 16px; }
.legend .cross { border: 0; width: auto; height: auto; color: var(--red); }
.legend .was { border-color: var(--blue); background: var(--blue); }
.legend .prod { border-color: var(--green); background: var(--green); }
.legend .gone { border-color: var(--red); }
.legend .back { background: var(--orange); }
text { fill: var(--soft); }
text.title { fill: var(--ink); font-weight: 600; font-size: 13px; }
text.end { text-anchor: end; } text.middle, text.name { text-anchor: middle; }
text.name { fill: var(--ink); font-size: 11px; pointer-events: none; }
.grid { stroke: var(--line); }
.alarm { stroke: var(--red); stroke-dasharray: 5 4; }
.way { fill: none; stroke: var(--blue); stroke-width: 1; opacity: .45; }
.interval { stroke: var(--blue); stroke-width: 2; opacity: .4; }
.interval.gone { stroke: var(--red); } .interval.prod { stroke: var(--green); }
circle.was { fill: var(--blue); } circle.prod { fill: var(--green); }
circle.gone { fill: var(--paper); stroke: var(--red); stroke-width: 2; }
.many circle { r: 1.7px; } .many circle.prod { r: 4px; }
.many .interval { stroke-width: 1; opacity: .25; } .many .way { opacity: .2; }
circle.hit { fill: transparent; }
rect.even { fill: var(--pale); } rect.odd { fill: var(--pale); opacity: .55; }
rect.back { fill: var(--sand); stroke: var(--orange); }
.rollback { stroke: var(--orange); stroke-width: 1.5; stroke-dasharray: 2 3; }
path.cross { stroke: var(--red); stroke-width: 2; fill: none; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: .85rem; }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td small { display: block; color: var(--soft); white-space: nowrap; }
.whole, .facts small { white-space: nowrap; }
td.why { min-width: 240px; overflow-wrap: anywhere; }
tr:target { background: var(--card); }
tr:target td:first-child { box-shadow: inset 3px 0 var(--blue); padding-left: 8px; }
.badge { display: inline-block; padding: 0 8px; border-radius: 10px; font-size: .8rem;
  border: 1px solid; white-space: nowrap; }
.badge.good { color: var(--green); } .badge.bad { color: var(--red); }
.bad { color: var(--red); }
summary { cursor: pointer; color: var(--blue); font-size: .85rem; }
@media (max-width: 760px) {
  body { padding: 18px 14px 40px; }
  thead { display: none; }
  table, tbody { display: block; }
  tr { display: block; padding: 10px 0; border-bottom: 1px solid var(--line); }
  td { display: flex; gap: 10px; padding: 2px 0; border: 0; }
  td::before { content: attr(data-label); flex: 0 0 84px; color: var(--soft); font-size: .85rem; }
  td > div { min-width: 0; flex: 1; }
  .whole, .facts small { white-space: nowrap; }
td.why { min-width: 0; }
  td small { display: inline; margin-left: 8px; white-space: normal; }
}
@media print { body { max-width: none; } details { display: none; } }
"""
