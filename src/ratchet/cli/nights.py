"""What a night does."""

import argparse
from pathlib import Path

from ratchet.cli.arguments import Commands, add_defaults, add_params

CACHE = Path(".ratchet/replay")


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("trigger", _trigger, "say whether to train: RETRAIN or SKIP, and why")
    add_params(made)
    add_defaults(
        made,
        manifest="data/manifest.csv",
        schema="schema.yaml",
        validated="data/validated",
        profiles="data/profiles",
        records="data/records.json",
        model="models/model.skops",
        card="models/card.json",
        environment="requirements/run.txt",
    )
    made.add_argument("--json", action="store_true", help="for machines")

    made = commands.add("replay", _replay, "play the past again: does the policy decide well?")
    add_params(made)
    add_defaults(made, manifest="data/manifest.csv", raw="data/raw", schema="schema.yaml")
    made.add_argument(
        "--cache", type=Path, default=CACHE, metavar="PATH", help="default: %(default)s"
    )
    made.add_argument("--nights", type=_positive, metavar="N", help="the newest N; default: all")
    made.add_argument(
        "--first",
        type=_positive,
        metavar="N",
        help="batches there on the first night; default: the window, at most half the history",
    )
    made.add_argument(
        "--every", type=_positive, default=1, metavar="K", help="run on one of K nights"
    )
    made.add_argument("--inject", choices=["worse-model"], help="slip spoiled challengers in")
    made.add_argument(
        "--share", type=_share, default=0.1, metavar="S", help="of nights; default: %(default)s"
    )
    made.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    made.add_argument(
        "--jobs", type=_positive, default=1, metavar="N", help="processes; default: %(default)s"
    )
    made.add_argument("--report", type=Path, metavar="PATH", help="Markdown, a picture beside it")


def _trigger(args: argparse.Namespace) -> None:
    from ratchet.config import load_params
    from ratchet.nights import trigger

    decision = trigger.run(
        load_params(args.params),
        manifest=args.manifest,
        schema=args.schema,
        validated=args.validated,
        profiles=args.profiles,
        records=args.records,
        model=args.model,
        card=args.card,
        environment=args.environment,
    )
    print(trigger.to_json(decision) if args.json else trigger.describe(decision))


def _replay(args: argparse.Namespace) -> None:
    from ratchet.config import load_params
    from ratchet.replay import report, run

    done = run.run(
        load_params(args.params),
        run.Options(
            nights=args.nights,
            first=args.first,
            every=args.every,
            share=args.share if args.inject else 0.0,
            seed=args.seed,
            jobs=args.jobs,
        ),
        manifest=args.manifest,
        raw=args.raw,
        schema=args.schema,
        cache=args.cache,
        track=report.track,
    )
    report.show(done)
    if args.report:
        report.write(args.report, done)
        print(f"\nreport: {args.report}")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _share(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 < found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1")
    return found
