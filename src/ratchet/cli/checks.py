"""How batches are judged: explained, overruled, calibrated, drilled."""

import argparse
from pathlib import Path

from ratchet.cli.arguments import Commands, add_defaults, add_params


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("batch", None, "explain a batch, or overrule its verdict")
    actions = made.add_subparsers(title="actions", metavar="ACTION", required=True)
    shown = actions.add_parser("show", help="verdict, reasons, figures, columns, neighbours")
    shown.set_defaults(run=_batch_show)
    add_params(shown)
    add_defaults(
        shown,
        manifest="data/manifest.csv",
        schema="schema.yaml",
        records="data/records.json",
        profiles="data/profiles",
    )
    shown.add_argument("id", metavar="ID", help="the batch")
    for word, name, text in (
        ("accept", "accept", "use it although it breaks the contract or a check"),
        ("exclude", "exclude", "leave it out of the window"),
        ("", "reset", "take the word back"),
    ):
        spoken = actions.add_parser(name, help=text)
        spoken.set_defaults(run=_batch_override, word=word, note="")
        add_defaults(spoken, manifest="data/manifest.csv")
        spoken.add_argument("id", metavar="ID", help="the batch")
        if word:
            spoken.add_argument("--note", required=True, metavar="WHY", help="the reason")

    made = commands.add("calibrate", _calibrate, "propose thresholds for the checks from the past")
    add_params(made)
    add_defaults(made, records="data/records.json")
    made.add_argument(
        "--per-month",
        type=float,
        default=0.5,
        metavar="N",
        help="good batches quarantined in 30 that are bearable; default: %(default)s",
    )
    made.add_argument("--until", default="", metavar="ID", help="learn from batches up to this one")
    made.add_argument("--write", action="store_true", help="write them to the params file")

    made = commands.add("drill", _drill, "spoil copies of your newest batch: who notices?")
    add_params(made)
    add_defaults(
        made,
        manifest="data/manifest.csv",
        raw="data/raw",
        schema="schema.yaml",
        validated="data/validated",
        profiles="data/profiles",
        records="data/records.json",
    )
    made.add_argument(
        "--only", nargs="+", metavar="FAULT", help="play these only; default: drill.only in params"
    )
    made.add_argument(
        "--may-slip",
        nargs="+",
        metavar="FAULT",
        help="no exit code 4 for these; default: drill.may_slip in params",
    )
    made.add_argument("--list", action="store_true", help="show the catalogue, play nothing")
    made.add_argument("--json", type=Path, metavar="PATH", help="file for the findings too")
    made.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="of what is random; default: %(default)s"
    )


def _batch_show(args: argparse.Namespace) -> None:
    from ratchet import batch
    from ratchet.config import load_params

    batch.show(
        load_params(args.params),
        args.id,
        manifest=args.manifest,
        schema=args.schema,
        records=args.records,
        profiles=args.profiles,
    )


def _batch_override(args: argparse.Namespace) -> None:
    from ratchet import batch

    changed = batch.override(args.manifest, args.id, args.word, args.note)
    print(f"{changed.id}: {changed.override or 'no'} override; `dvc repro` takes it into account")


def _calibrate(args: argparse.Namespace) -> None:
    from ratchet import calibrate
    from ratchet.config import load_params

    calibrate.run(
        load_params(args.params),
        args.params,
        records=args.records,
        per_month=args.per_month,
        until=args.until,
        write=args.write,
    )


def _drill(args: argparse.Namespace) -> None:
    from ratchet.config import load_params
    from ratchet.drill import report
    from ratchet.drill.faults import select

    if args.list:
        task = load_params(args.params).task if args.params.is_file() else None
        report.show_catalogue(select(args.only or [], task))
        return
    from ratchet.drill import run

    params = load_params(args.params)
    faults = select(params.drill.only if args.only is None else args.only, params.task)
    may_slip = params.drill.may_slip if args.may_slip is None else args.may_slip
    excused = {fault.name for fault in select(may_slip, params.task)} if may_slip else set()
    done = run.run(
        params,
        faults,
        manifest=args.manifest,
        raw=args.raw,
        schema=args.schema,
        validated=args.validated,
        profiles=args.profiles,
        records=args.records,
        seed=args.seed,
        track=report.track,
    )
    report.show(done)
    if args.json:
        report.write(args.json, done)
    report.refuse(done, excused)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)
