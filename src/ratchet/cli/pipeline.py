"""The way of the data: discover, the four stages, and what they made."""

import argparse
from pathlib import Path

from ratchet.cli.arguments import Commands, add_defaults, add_params, add_paths, load_judged
from ratchet.scoring.digits import count


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("discover", _discover, "pin what is new at the source in the manifest")
    add_params(made)
    add_defaults(made, manifest="data/manifest.csv", schema="schema.yaml")
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
    made.add_argument(
        "--until", default="", metavar="ID", help="pin no batch after this id; default: all"
    )

    made = commands.add("fetch", _fetch, "stage: bring the window's batches to a folder, verified")
    add_params(made)
    add_paths(made, manifest="the pinned batches", raw="folder for the batches' files")

    made = commands.add("validate", _validate, "stage: hold new batches against the contract")
    add_params(made)
    add_paths(
        made,
        manifest="the pinned batches",
        raw="folder with the batches' files",
        schema="the contract",
        validated="folder for the typed rows",
        profiles="folder for a summary of each batch",
        records="file that remembers how each batch was judged",
        report="file for the findings, for machines",
        summary="file for the findings, for people",
        plots="folder for the plots' data",
    )

    made = commands.add("train", _train, "stage: fit the model, save it, score the holdout")
    add_params(made)
    add_paths(
        made,
        validated="folder with the typed rows",
        schema="the contract",
        environment="the lock file of the environment",
        model="file for the model",
        card="file for the model's card",
        scored="file for the scored holdout rows",
        importance="file for the feature importance",
        golden="file for some rows with the model's answers",
    )

    made = commands.add("evaluate", _evaluate, "stage: measure the scores, draw the plots")
    add_params(made)
    add_paths(
        made,
        scored="the scored holdout rows",
        card="the model's card",
        metrics="file for the metrics",
        report="file for intervals, slices and baseline",
        plots="folder for the plots' data",
    )

    made = commands.add("summary", _summary, "show what the last run used, and its model")
    add_defaults(
        made,
        validation="reports/validation.json",
        evaluation="reports/evaluation.json",
        card="models/card.json",
    )

    made = commands.add("predict", _predict, "score the rows of a file with a model")
    made.add_argument("model", type=Path, metavar="MODEL", help="e.g. models/model.skops")
    made.add_argument("file", type=Path, metavar="FILE", help="CSV, CSV.gz or Parquet")
    made.add_argument("--card", type=Path, help="default: card.json beside MODEL")
    made.add_argument("--to", type=Path, help="CSV file for the scores; default: print them")


def _discover(args: argparse.Namespace) -> None:
    from ratchet.config import load_params
    from ratchet.data import discover

    found = discover.run(
        load_params(args.params),
        manifest=args.manifest,
        schema=args.schema,
        since=args.since,
        until=args.until,
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
        profiles=args.profiles,
        records=args.records,
        report=args.report,
        summary=args.summary,
        plots=args.plots,
    )
    print(
        f"validate: {count(done.judged, 'batch', 'batches')} judged, "
        f"{len(done.accepted)} accepted "
        f"({sum(done.accepted.values())} rows), {len(done.quarantined)} quarantined, "
        f"{len(done.warnings)} with warnings"
    )
    for suspect in done.suspects:
        print(f"validate: {suspect}")


def _train(args: argparse.Namespace) -> None:
    from ratchet.stages import train

    done = train.run(
        load_judged(args.params),
        validated=args.validated,
        schema=args.schema,
        environment=args.environment,
        model=args.model,
        card=args.card,
        scored=args.scored,
        importance=args.importance,
        golden=args.golden,
    )
    print(
        f"train: {done.card.estimator} on {done.card.train.rows} rows of "
        f"{len(done.card.train.batches)} batches in {done.usage.seconds:.1f} s, "
        f"{done.usage.peak_memory_mb:.0f} MB; model {done.card.model_sha256[:12]}"
    )


def _evaluate(args: argparse.Namespace) -> None:
    from ratchet.stages import evaluate

    done = evaluate.run(
        load_judged(args.params),
        scored=args.scored,
        card=args.card,
        metrics=args.metrics,
        report=args.report,
        plots=args.plots,
    )
    print(evaluate.describe(done))


def _summary(args: argparse.Namespace) -> None:
    from ratchet import summary

    summary.show(args.validation, args.evaluation, args.card)


def _predict(args: argparse.Namespace) -> None:
    from ratchet import predict

    rows = predict.run(args.model, args.file, card=args.card, to=args.to)
    if args.to:
        print(f"predict: {count(rows, 'row', 'rows')} scored, in {args.to}")
