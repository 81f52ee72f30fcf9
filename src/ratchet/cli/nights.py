"""What a night does."""

import argparse
import os
from pathlib import Path

from ratchet.cli.arguments import Commands, add_defaults, add_params, load_judged, positive
from ratchet.errors import EvidenceError, RatchetError

CACHE = Path(".ratchet/replay")
NIGHT = Path(".ratchet/night")
REPORT = NIGHT / "report.md"


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

    made = commands.add(
        "nightly", _nightly, "run a whole night: discover, validate, trigger, train, drill, gate"
    )
    made.add_argument(
        "--until", default="", metavar="ID", help="pin no batch after this id; default: all"
    )
    made.add_argument("--force", action="store_true", help="train whatever the trigger says")
    made.add_argument(
        "--into", default="main", metavar="BRANCH", help="to merge into; default: %(default)s"
    )
    ends = made.add_mutually_exclusive_group()
    ends.add_argument(
        "--push",
        action="store_true",
        help="push data and branch, open or update the pull request; default: stay on this machine",
    )
    ends.add_argument(
        "--hand-over",
        type=Path,
        metavar="FOLDER",
        help="push the data, leave the rest to `ratchet propose FOLDER`: as the workflow does",
    )

    made = commands.add("propose", _propose, "open or update the pull request of a night")
    made.add_argument("folder", type=Path, metavar="FOLDER", help="what --hand-over has written")
    made.add_argument(
        "--into", default="main", metavar="BRANCH", help="to merge into; default: %(default)s"
    )

    made = commands.add("alarm", _alarm, "open an issue after a bad night, close it after a good")
    made.add_argument(
        "--needs",
        default="",
        metavar="JSON",
        help="the workflow's `needs` context; default: the variable NEEDS",
    )
    made.add_argument(
        "--about",
        choices=["night", "restore"],
        default="night",
        help="each has an issue of its own; default: %(default)s",
    )
    made.add_argument(
        "--report",
        type=Path,
        default=REPORT,
        metavar="PATH",
        help="the night's; default: %(default)s",
    )

    made = commands.add("comment", _comment, "put a report on a pull request, once")
    made.add_argument("number", type=positive, metavar="NUMBER", help="of the pull request")
    made.add_argument(
        "--report",
        type=Path,
        default=Path("reports/gate.md"),
        metavar="PATH",
        help="default: %(default)s",
    )

    made = commands.add("replay", _replay, "play the past again: does the policy decide well?")
    add_params(made)
    add_defaults(made, manifest="data/manifest.csv", raw="data/raw", schema="schema.yaml")
    made.add_argument(
        "--cache", type=Path, default=CACHE, metavar="PATH", help="default: %(default)s"
    )
    made.add_argument("--nights", type=positive, metavar="N", help="the newest N; default: all")
    made.add_argument(
        "--first",
        type=positive,
        metavar="N",
        help="batches there on the first night; default: the window, at most half the history",
    )
    made.add_argument(
        "--every", type=positive, default=1, metavar="K", help="run on one of K nights"
    )
    made.add_argument("--inject", choices=["worse-model"], help="slip spoiled challengers in")
    made.add_argument(
        "--share", type=_share, default=0.1, metavar="S", help="of nights; default: %(default)s"
    )
    made.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    made.add_argument(
        "--jobs", type=positive, default=1, metavar="N", help="processes; default: %(default)s"
    )
    made.add_argument("--report", type=Path, metavar="PATH", help="Markdown, a picture beside it")


def _trigger(args: argparse.Namespace) -> None:
    from ratchet.nights import trigger

    decision = trigger.run(
        load_judged(args.params),
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


def _nightly(args: argparse.Namespace) -> None:
    from functools import partial

    from ratchet.nights import nightly

    night = nightly.run(
        Path.cwd(),
        nightly.Options(
            folder=args.hand_over or NIGHT,
            until=args.until,
            force=args.force,
            push=args.push,
            hand_over=args.hand_over is not None,
            into=args.into,
        ),
        partial(print, flush=True),  # a log tells how far it came, also when it is killed
    )
    print(nightly.describe(night))


def _propose(args: argparse.Namespace) -> None:
    from ratchet.nights import propose
    from ratchet.proposals import actions
    from ratchet.proposals.branch import MovedError

    try:
        done = propose.run(Path.cwd(), args.folder, into=args.into)
    except MovedError as error:
        actions.output(moved="true")
        actions.failed(error)
        raise
    except RatchetError as error:
        actions.failed(error)
        raise
    what = "opened" if done.pull_request.opened else "updated"
    print(f"{done.branch} is at {done.commit[:10]}; {what} {done.pull_request.url}")


def _alarm(args: argparse.Namespace) -> None:
    from ratchet.nights import alarm
    from ratchet.proposals import actions
    from ratchet.proposals.github import GitHub

    needs = alarm.read_needs(args.needs or os.environ.get("NEEDS", ""))
    found, about = alarm.failures(needs), alarm.SUBJECTS[args.about]
    github, run = GitHub.here(Path.cwd()), actions.run_url()
    webhook, heartbeat = (os.environ.get(name, "") for name in ("WEBHOOK_URL", "HEARTBEAT_URL"))
    if found:
        title = alarm.title(found, about)
        unheard: RatchetError | None = None
        try:
            where = alarm.scream(github, found, alarm.read_report(args.report), run, about)
        except RatchetError as error:  # the other channel is told all the same
            where, unheard = f"{run} (there is no issue: {error})", error
        print(f"{title}: {where}")
        if webhook:
            alarm.tell(webhook, f"{github.repository}: {title}. {where}")
        if unheard is not None:
            raise unheard
        return
    if alarm.moved(needs):
        print("main moved while the night ran; it runs again")
        return
    closed = alarm.calm(github, run, about)
    print(f"a {about.good}; closed: {', '.join(closed) or 'nothing was open'}")
    if heartbeat:
        alarm.ping(heartbeat)


def _comment(args: argparse.Namespace) -> None:
    from ratchet.proposals.github import GitHub
    from ratchet.proposals.pull_request import comment

    try:
        body = args.report.read_text(encoding="utf-8")
    except OSError as error:
        raise EvidenceError(
            f"{args.report}: can't be read ({error.strerror}); `ratchet gate` writes it"
        ) from error
    print(comment(GitHub.here(Path.cwd()), args.number, f"ratchet {args.report.name}", body))


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


def _share(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 < found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1")
    return found
