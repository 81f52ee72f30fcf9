"""The first command with data of one's own."""

import argparse
from pathlib import Path
from typing import Any

from ratchet.cli.arguments import Commands, add_defaults, add_params

STATE = Path("dvc.lock")
PIPELINE = Path("dvc.yaml")


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("init", _init, "draft schema.yaml and params.yaml for your own data")
    made.add_argument(
        "url", metavar="URL", help="folder, file, s3://bucket/prefix/ or s3://bucket/key"
    )
    made.add_argument("--target", required=True, metavar="COL", help="the column to predict")
    made.add_argument("--time", metavar="COL", help="the column that says when a row happened")
    made.add_argument(
        "--key", nargs="+", default=[], metavar="COL", help="columns that are unique in a batch"
    )
    made.add_argument(
        "--task", choices=("binary", "multiclass", "regression"), help="default: by the target"
    )
    made.add_argument("--weight", metavar="COL", help="what a row counts in training")
    made.add_argument(
        "--split",
        choices=("day", "week", "month", "none"),
        help="cut one big file by time, or none: each content is a batch; default: guess",
    )
    made.add_argument("--pattern", metavar="GLOB", help="which names are batches; default: guess")
    made.add_argument("--force", action="store_true", help="overwrite files of your own")
    add_params(made)
    add_defaults(made, schema="schema.yaml", manifest="data/manifest.csv")


def _init(args: argparse.Namespace) -> None:
    from ratchet.init import report, run
    from ratchet.init.place import Place

    wish = run.Wish(
        args.url,
        args.target,
        args.time,
        args.key,
        args.task,
        args.weight,
        args.split,
        args.pattern,
        args.force,
    )
    results = [STATE, *_outputs()]
    place = Place(args.params, args.schema, args.manifest, PIPELINE, results, Path(".ratchet"))
    report.show(run.run(wish, place))


def _outputs() -> list[Path]:
    """Return what the stages make."""
    from ruamel.yaml import YAML

    stages: dict[str, Any] = YAML(typ="safe").load(PIPELINE)["stages"]
    outputs = [
        next(iter(each)) if isinstance(each, dict) else each
        for stage in stages.values()
        for each in stage.get("outs", []) + stage.get("metrics", [])
    ]
    return [Path(each) for each in outputs]
