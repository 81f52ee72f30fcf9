"""The upkeep of what was accepted: can it be restored, and what may go?"""

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from ratchet.cli.arguments import Commands, add_defaults, positive
from ratchet.cli.gate import PLACES, places
from ratchet.errors import ConfigError, EvidenceError, RatchetError

GC = "a garbage collection"


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("verify", _verify, "see whether accepted versions can be restored")
    which = made.add_mutually_exclusive_group(required=True)
    which.add_argument("version", nargs="?", metavar="VERSION", help="e.g. v3, or model@v3.0.0")
    which.add_argument("--all", action="store_true", help="every version")
    which.add_argument(
        "--random", type=positive, nargs="?", const=1, metavar="N", help="N of them; default: 1"
    )
    made.add_argument(
        "--seed", metavar="TEXT", help="of the choice; default: the week, such as 2013-W05"
    )
    made.add_argument(
        "--keep", type=_days, metavar="90d", help="only what `ratchet gc --keep 90d` would keep"
    )
    made.add_argument(
        "--local-cache", action="store_true", help="take objects from this machine's cache, too"
    )
    made.add_argument("--data", action="store_true", help="bring every object and check its hash")
    made.add_argument(
        "--own-environment",
        action="store_true",
        help="build the version's own environment, and ask the model there; runs its code",
    )
    made.add_argument(
        "--rebuild", action="store_true", help="train again and compare the bytes; runs its code"
    )
    made.add_argument("--json", action="store_true", help="for machines")
    add_defaults(made, **PLACES)

    made = commands.add("gc", _gc, "remove what no version in the rollback window needs")
    made.add_argument(
        "--keep", type=_days, required=True, metavar="90d", help="the rollback window, in days"
    )
    made.add_argument("--cloud", action="store_true", help="from DVC's remote, too: for everybody")
    made.add_argument("--remote", metavar="NAME", help="which; default: the one that is set")
    ends = made.add_mutually_exclusive_group()
    ends.add_argument("--dry-run", action="store_true", help="show what would go, and no more")
    ends.add_argument("--yes", action="store_true", help="don't ask before anything is removed")
    made.add_argument("--json", action="store_true", help="for machines")
    add_defaults(made, card=PLACES["card"])


def _verify(args: argparse.Namespace) -> None:
    from ratchet.proposals import actions

    try:
        _restore(args)
    except RatchetError as error:
        actions.failed(error)
        raise


def _restore(args: argparse.Namespace) -> None:
    from ratchet.journal import accepted
    from ratchet.journal.commits import Commits
    from ratchet.proposals import actions
    from ratchet.versions import verify, window

    top = Path.cwd()
    where = places(args)
    Commits(top).refuse_shallow()
    known = accepted.versions(top, where.card)
    now = datetime.now(UTC)
    if args.keep is not None:
        kept = window.kept(known, accepted.left_stages(top), now, args.keep)
        known = [version for version in known if version.tag in kept]
    seed = args.seed or f"{now:%G-W%V}"
    if args.version:
        chosen = [accepted.find(known, args.version)]
    else:
        chosen = known if args.all else verify.pick(known, args.random, seed)
    how = verify.How(args.local_cache, args.data, args.own_environment, args.rebuild)
    found = []
    for version in chosen:
        found.append(verify.run(top, where, version, how))
        if not args.json:
            print(verify.describe(found[-1]), flush=True)
    if args.json:
        print(verify.to_json(found))
    chose = "all versions" if args.all else f"of {len(known)} versions, by the seed {seed}"
    actions.summary(verify.markdown(found, args.version or chose))
    told = verify.summary(found)
    if not all(each.restorable for each in found):
        raise EvidenceError(told)
    if not args.json:
        print(f"verify: {told}" if found else "verify: no version is registered yet")


def _gc(args: argparse.Namespace) -> None:
    from ratchet.alone import alone
    from ratchet.versions import gc

    if args.remote and not args.cloud:
        raise ConfigError("--remote NAME says from which remote; give --cloud as well")
    collection = gc.Collection(
        Path.cwd(),
        args.card.as_posix(),
        args.keep,
        datetime.now(UTC),
        cloud=args.cloud,
        remote=args.remote,
    )
    with alone(Path.cwd(), GC):
        plan, done = collection.plan(), None
    if not args.json:
        print(gc.describe(plan))
    if not plan.empty and not args.dry_run and (args.yes or _agreed()):
        with alone(Path.cwd(), GC):  # not while a person thinks
            done = collection.carry_out(plan)
    if args.json:
        print(gc.to_json(plan, done))
    elif done:
        print(f"gc: {gc.told(done)}")
    else:
        print("gc: nothing was removed")


def _agreed() -> bool:
    """Ask the person who sits here; ConfigError when there is none."""
    if not sys.stdin.isatty():
        raise ConfigError("nobody is here to ask: say --yes to remove this, or --dry-run to look")
    print("Remove this for good? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _days(text: str) -> int:
    found = re.fullmatch(r"(\d{1,5})d", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days, such as 90d")
    return int(found[1])
