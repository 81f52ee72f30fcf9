"""What a night does."""

import argparse

from ratchet.cli.arguments import Commands, add_defaults, add_params


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
