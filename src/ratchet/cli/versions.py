"""Accepted versions: registered, and brought back."""

import argparse
from pathlib import Path

from ratchet.cli.arguments import Commands, add_defaults
from ratchet.cli.gate import PLACES, places
from ratchet.journal.accepted import STAGE

VERDICT = "reports/verdict.md"  # the gate's word on a night's model
GATE = "reports/gate.json"  # its last word here


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("register", _register, "name HEAD's model as an accepted version, in git")
    made.add_argument(
        "--stage", default=STAGE, help="where the version stands from now on; default: %(default)s"
    )
    made.add_argument("--message", default="", metavar="WHY", help="default: HEAD's own")
    made.add_argument(
        "--merged",
        default="HEAD",
        metavar="REV",
        help="do nothing unless HEAD still has this revision's model; default: %(default)s",
    )
    made.add_argument(
        "--notes", type=Path, metavar="PATH", help="write the notes of a release there, as Markdown"
    )
    made.add_argument("--json", action="store_true", help="for machines")
    add_defaults(
        made,
        model=PLACES["model"],
        card=PLACES["card"],
        evaluation="reports/evaluation.json",
        verdict=VERDICT,
    )

    made = commands.add("rollback", _rollback, "bring an accepted version back, as a new commit")
    made.add_argument("version", metavar="VERSION", help="e.g. v3, or model@v3.0.0")
    made.add_argument("--reason", required=True, metavar="WHY", help="for those who come after")
    made.add_argument("--dry-run", action="store_true", help="show what would change, and no more")
    made.add_argument(
        "--model-only", action="store_true", help="bring the model, and leave data to `dvc pull`"
    )
    made.add_argument(
        "--force", action="store_true", help="even a version that was itself rolled back"
    )
    made.add_argument(
        "--hand-over",
        type=Path,
        metavar="FOLDER",
        help="leave it for `ratchet propose FOLDER` too: as the workflow does",
    )
    made.add_argument("--json", action="store_true", help="for machines")
    add_defaults(made, **PLACES)


def _register(args: argparse.Namespace) -> None:
    import json

    from ratchet.files import write_text
    from ratchet.proposals import actions
    from ratchet.versions import notes, registry

    if reason := registry.overtaken(Path.cwd(), args.merged, args.card.as_posix()):
        print(json.dumps({"skipped": reason}) if args.json else reason)
        return
    done = registry.register(
        Path.cwd(),
        model=args.model.as_posix(),
        card=args.card.as_posix(),
        verdicts=(GATE, args.verdict.with_suffix(".json").as_posix()),
        stage=args.stage,
        message=args.message,
    )
    if args.notes is not None:
        told = notes.markdown(
            Path.cwd(),
            done,
            card=args.card.as_posix(),
            evaluation=args.evaluation.as_posix(),
            verdict=args.verdict.as_posix(),
        )
        write_text(args.notes, told)
    actions.output(tag=done.version, new=str(done.new).lower(), tags=" ".join(done.tags))
    print(registry.to_json(done) if args.json else registry.describe(done))


def _rollback(args: argparse.Namespace) -> None:
    from ratchet.alone import alone
    from ratchet.proposals.proposal import clear
    from ratchet.versions import rollback

    if args.hand_over is not None:
        clear(args.hand_over)
    with alone(Path.cwd(), "a rollback"):
        done = rollback.run(
            Path.cwd(),
            places(args),
            args.version,
            args.reason,
            force=args.force,
            dry_run=args.dry_run,
            model_only=args.model_only,
        )
    if args.hand_over is not None:
        rollback.hand_over(Path.cwd(), done, args.hand_over)
    print(rollback.to_json(done) if args.json else f"rollback: {done.summary}")
