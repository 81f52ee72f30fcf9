"""Accepted versions, mirrored elsewhere."""

import argparse
import os
from pathlib import Path

from ratchet.cli.arguments import Commands, add_defaults
from ratchet.cli.gate import PLACES
from ratchet.cli.history import RECORD, places
from ratchet.errors import ConfigError, EvidenceError

_URI = "MLFLOW_TRACKING_URI"


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("export", None, "mirror the accepted versions into another registry")
    actions = made.add_subparsers(title="registries", metavar="REGISTRY", required=True)
    text = "runs, registered versions and aliases in MLflow; a second time nothing new"
    mlflow = actions.add_parser("mlflow", help=text, description=f"{text[0].upper()}{text[1:]}.")
    mlflow.set_defaults(run=_mlflow)
    mlflow.add_argument(
        "--tracking-uri",
        default=os.environ.get(_URI, ""),
        metavar="URL",
        help=f"of MLflow's server; default: {_URI}",
    )
    mlflow.add_argument("--name", dest="model_name", required=True, help="of the registered model")
    mlflow.add_argument("--experiment", help="for the runs; default: the name")
    mlflow.add_argument("--json", action="store_true", help="for machines")
    add_defaults(mlflow, **RECORD, model=PLACES["model"], golden=PLACES["golden"])


def _mlflow(args: argparse.Namespace) -> None:
    from ratchet.versions import export_mlflow

    if not args.tracking_uri:
        raise ConfigError(f"which MLflow? Give --tracking-uri URL, or set {_URI}")
    name = args.model_name
    done = export_mlflow.run(
        Path.cwd(),
        places(args),
        export_mlflow.Files(args.model.as_posix(), args.card.as_posix(), args.golden.as_posix()),
        export_mlflow.Target(args.tracking_uri, name, args.experiment or name),
    )
    print(export_mlflow.to_json(done) if args.json else export_mlflow.describe(done))
    if done.missing:
        raise EvidenceError(f"what is in a stage isn't in MLflow: {', '.join(done.missing)}")
