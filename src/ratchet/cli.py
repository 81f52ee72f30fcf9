"""The front door: parser, exit codes, and what each command prints.

A command imports what it needs when it runs, so that `ratchet --help` answers at once. The stages
get their paths from dvc.yaml; the commands that a person types have them as defaults here.
"""

import argparse
import datetime
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ratchet.errors import RatchetError

PARAMS = Path("params.yaml")
MANIFEST = Path("data/manifest.csv")
SAMPLE = Path("sample/flights.parquet")
INBOX = Path("sample/inbox")
GATE_REPORT = Path("reports/gate.md")
# Where the gate finds things, in this revision and in the base.
PLACES = {
    "params": "params.yaml",
    "schema": "schema.yaml",
    "manifest": "data/manifest.csv",
    "environment": "requirements/run.txt",
    "validated": "data/validated",
    "model": "models/model.skops",
    "card": "models/card.json",
    "metrics": "reports/metrics.json",
    "validation": "reports/validation.json",
    "drill": "reports/drill.json",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` and return the exit code (see `ratchet.errors`)."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
        sys.stdout.flush()
    except RatchetError as error:
        print(_red(f"ratchet {args.name}: {error}"), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough: what is left goes nowhere, also at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _discover(args: argparse.Namespace) -> None:
    from ratchet.config import load_params
    from ratchet.data import discover

    found = discover.run(
        load_params(args.params),
        manifest=args.manifest,
        since=args.since,
        accept_changed=args.accept_changed,
    )
    print(discover.describe(found))


def _fetch(args: argparse.Namespace) -> None:
    from ratchet.config import load_params
    from ratchet.stages import fetch

    done = fetch.run(load_params(args.params), manifest=args.manifest, raw=args.raw)
    for batch, problem in done.recovered.items():
        print(f"fetch: {batch} came from DVC's cache or remote, as pinned ({problem})")
    print(
        f"fetch: {done.fetched} of {done.window} batches fetched "
        f"({done.bytes / 1e6:.1f} MB), {done.dropped} dropped"
    )


def _validate(args: argparse.Namespace) -> None:
    from ratchet.config import load_params
    from ratchet.stages import validate

    done = validate.run(
        load_params(args.params),
        manifest=args.manifest,
        raw=args.raw,
        schema=args.schema,
        validated=args.validated,
        records=args.records,
        report=args.report,
    )
    print(
        f"validate: {_count(done.judged, 'batch', 'batches')} judged, "
        f"{len(done.accepted)} accepted "
        f"({sum(done.accepted.values())} rows), {len(done.quarantined)} quarantined"
    )


def _train(args: argparse.Namespace) -> None:
    from ratchet.config import load_params
    from ratchet.stages import train

    done = train.run(
        load_params(args.params),
        validated=args.validated,
        schema=args.schema,
        environment=args.environment,
        model=args.model,
        card=args.card,
        scored=args.scored,
        importance=args.importance,
    )
    print(
        f"train: {done.card.estimator} on {done.card.train.rows} rows of "
        f"{len(done.card.train.batches)} batches in {done.usage.seconds:.1f} s, "
        f"{done.usage.peak_memory_mb:.0f} MB; model {done.card.model_sha256[:12]}"
    )


def _evaluate(args: argparse.Namespace) -> None:
    from ratchet.config import load_params
    from ratchet.stages import evaluate

    done = evaluate.run(
        load_params(args.params),
        scored=args.scored,
        card=args.card,
        metrics=args.metrics,
        report=args.report,
        plots=args.plots,
    )
    print(evaluate.describe(done))


def _gate(args: argparse.Namespace) -> None:
    from ratchet.errors import BlockedError, EvidenceError
    from ratchet.gate import report, run
    from ratchet.gate.rules import Verdict

    places = run.Places(**{name: str(getattr(args, name)) for name in PLACES})
    found = run.run(
        Path.cwd(), places, args.base, rebuild=args.rebuild, approved=args.approve_policy_change
    )
    drawn: list[str] = []
    if found.champion and found.differences:
        from ratchet.gate import pictures  # matplotlib

        drawn = pictures.draw(found, args.report.with_suffix(""))
    report.write(found, args.report, args.json, drawn)
    told = "\n".join(report.summary(found))
    if found.judgement.verdict == Verdict.BLOCK:
        raise BlockedError(told)
    if found.judgement.verdict == Verdict.ERROR:
        raise EvidenceError(told)
    print(f"gate: {told}")


def _summary(args: argparse.Namespace) -> None:
    from ratchet import summary

    summary.show(args.validation, args.evaluation, args.card)


def _predict(args: argparse.Namespace) -> None:
    from ratchet import predict

    predict.run(args.model, args.file, card=args.card, to=args.to)


def _sample_publish(args: argparse.Namespace) -> None:
    from ratchet import sample

    written = sample.publish(args.table, args.to, until=args.until, days=args.days)
    if written:
        days = written[0].stem
        if len(written) > 1:
            days += f" to {written[-1].stem}"
        print(f"published {_count(len(written), 'day', 'days')}: {days} in {args.to}")
    else:
        print(f"nothing to publish: {args.to} holds all days until {args.until}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ratchet",
        description="Nightly model retraining that can only turn forward.",
        epilog="`dvc repro` runs the four stages fetch, validate, train, evaluate. "
        "Exit codes: 0 fine, 1 a bug, 2 usage or configuration, 3 data broke the contract, "
        "4 the gate says BLOCK, 5 evidence missing or unreadable.",
    )
    commands = parser.add_subparsers(
        title="commands", dest="name", metavar="COMMAND", required=True
    )

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        made.set_defaults(run=run)
        return made

    def params(made: argparse.ArgumentParser) -> None:
        made.add_argument("--params", type=Path, default=PARAMS, help="default: %(default)s")

    def paths(made: argparse.ArgumentParser, **needed: str) -> None:
        for name, text in needed.items():
            made.add_argument(f"--{name}", type=Path, required=True, metavar="PATH", help=text)

    made = command("discover", _discover, "pin what is new at the source in the manifest")
    params(made)
    made.add_argument("--manifest", type=Path, default=MANIFEST, help="default: %(default)s")
    made.add_argument(
        "--accept-changed",
        nargs="+",
        default=[],
        metavar="ID",
        help="take over the present content of these batches, which changed after they were pinned",
    )
    made.add_argument(
        "--since",
        default="",
        metavar="ID",
        help="pin from this batch id on; default: from the oldest pin on, at first everything",
    )

    made = command("fetch", _fetch, "stage: bring the window's batches to a folder, verified")
    params(made)
    paths(made, manifest="the pinned batches", raw="folder for the batches' files")

    made = command("validate", _validate, "stage: hold new batches against the contract")
    params(made)
    paths(
        made,
        manifest="the pinned batches",
        raw="folder with the batches' files",
        schema="the contract",
        validated="folder for the typed rows",
        records="file that remembers how each batch was judged",
        report="file for the findings",
    )

    made = command("train", _train, "stage: fit the model, save it, score the holdout")
    params(made)
    paths(
        made,
        validated="folder with the typed rows",
        schema="the contract",
        environment="the lock file of the environment",
        model="file for the model",
        card="file for the model's card",
        scored="file for the scored holdout rows",
        importance="file for the feature importance",
    )

    made = command("evaluate", _evaluate, "stage: measure the scores, draw the plots")
    params(made)
    paths(
        made,
        scored="the scored holdout rows",
        card="the model's card",
        metrics="file for the metrics",
        report="file for intervals, slices and baseline",
        plots="folder for the plots' data",
    )

    made = command("gate", _gate, "judge this revision's model against that of a base revision")
    made.add_argument(
        "--base", default="origin/main", metavar="REV", help="the champion's; default: %(default)s"
    )
    made.add_argument(
        "--rebuild",
        action="store_true",
        help="also make everything again in a clone and ask for the same bytes; runs its code",
    )
    made.add_argument(
        "--approve-policy-change",
        action="store_true",
        help="a person accepts that this revision changes the rules or the gate itself",
    )
    made.add_argument(
        "--report", type=Path, default=GATE_REPORT, metavar="PATH", help="default: %(default)s"
    )
    made.add_argument("--json", type=Path, metavar="PATH", help="default: beside the report")
    for name, default in PLACES.items():
        made.add_argument(f"--{name}", type=Path, default=default, help="default: %(default)s")

    made = command("summary", _summary, "show what the last run used and how good its model is")
    for name, default in {
        "validation": "reports/validation.json",
        "evaluation": "reports/evaluation.json",
        "card": "models/card.json",
    }.items():
        made.add_argument(f"--{name}", type=Path, default=default, help="default: %(default)s")

    made = command("predict", _predict, "score the rows of a file with a model")
    made.add_argument("model", type=Path, metavar="MODEL", help="e.g. models/model.skops")
    made.add_argument("file", type=Path, metavar="FILE", help="CSV, CSV.gz or Parquet")
    made.add_argument("--card", type=Path, help="default: card.json beside MODEL")
    made.add_argument("--to", type=Path, help="CSV file for the scores; default: print them")

    made = command("sample", None, "play the data producer with the sample")
    actions = made.add_subparsers(title="actions", metavar="ACTION", required=True)
    publish = actions.add_parser("publish", help="deliver days that the inbox lacks, one CSV each")
    publish.set_defaults(run=_sample_publish)
    amount = publish.add_mutually_exclusive_group(required=True)
    amount.add_argument("--until", type=_date, metavar="DATE", help="all days up to this one")
    amount.add_argument("--days", type=int, metavar="N", help="the next N days")
    publish.add_argument("--table", type=Path, default=SAMPLE, help="default: %(default)s")
    publish.add_argument("--to", type=Path, default=INBOX, help="default: %(default)s")
    return parser


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _date(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2013-04-30") from None


def _red(text: str) -> str:
    return f"\033[31m{text}\033[0m" if sys.stderr.isatty() else text
