"""The sample's data producer."""

import argparse
import datetime
from pathlib import Path

from ratchet.cli.arguments import Commands
from ratchet.scoring.digits import count

TABLE = Path("sample/flights.parquet")
INBOX = Path("sample/inbox")


def add(commands: Commands) -> None:
    """Add these commands."""
    made = commands.add("sample", None, "play the data producer with the sample")
    actions = made.add_subparsers(title="actions", metavar="ACTION", required=True)
    publish = actions.add_parser("publish", help="deliver days that the inbox lacks, one CSV each")
    publish.set_defaults(run=_sample_publish)
    amount = publish.add_mutually_exclusive_group(required=True)
    amount.add_argument("--until", type=_date, metavar="DATE", help="all days up to this one")
    amount.add_argument("--days", type=int, metavar="N", help="the next N days")
    publish.add_argument("--table", type=Path, default=TABLE, help="default: %(default)s")
    publish.add_argument("--to", type=Path, default=INBOX, help="default: %(default)s")


def _sample_publish(args: argparse.Namespace) -> None:
    from ratchet import sample

    written = sample.publish(args.table, args.to, until=args.until, days=args.days)
    if written:
        days = written[0].stem
        if len(written) > 1:
            days += f" to {written[-1].stem}"
        print(f"published {count(len(written), 'day', 'days')}: {days} in {args.to}")
    else:
        print(f"nothing to publish: {args.to} holds all days until {args.until}")


def _date(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2013-04-30") from None
