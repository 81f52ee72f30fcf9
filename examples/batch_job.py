"""A job that scores a file with the model in production. Copy it, and change what you like.

    python examples/batch_job.py https://github.com/OWNER/NAME today.parquet scores.csv

It proves the model each time it runs, as examples/service.py does; docs/serve.md says how. The exit
code is 0, or there are no scores: 2 when the command line is wrong (a file that isn't there, nobody
to ask for a signature), 3 when the file isn't what the model was built for, 5 when there is no
proven model or the scores can't be written.
"""

import argparse
import logging
import sys
from pathlib import Path

from ratchet import predict
from ratchet.errors import RatchetError
from ratchet.serving.origin import Origin
from ratchet.serving.proven import take
from ratchet.serving.signature import attested, unsigned


def main() -> int:
    """Prove the model in the stage and score the file with it."""
    parser = argparse.ArgumentParser(description="Score a file with the model in production.")
    parser.add_argument("url", help="of the repository, or its path")
    parser.add_argument("file", type=Path, help="CSV or Parquet with the model's features")
    parser.add_argument("scores", type=Path, help="the CSV file to write, with its folder")
    parser.add_argument("--stage", default="prod", help="default: %(default)s")
    parser.add_argument("--signature", choices=("required", "off"), default="required")
    parser.add_argument("--signed-by", default="", metavar="OWNER/NAME", help="default: from URL")
    parser.add_argument("--remote", metavar="NAME", help="of DVC; default: the repository's own")
    parser.add_argument("--config", type=Path, metavar="FILE", help="more settings for DVC")
    args = parser.parse_args()
    for path in (args.file, args.config):
        if path and not path.is_file():  # told before minutes go into bringing a model
            parser.error(f"{path}: no such file")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    origin = Origin(args.url, args.stage, remote=args.remote, config=args.config)
    try:
        verify = unsigned if args.signature == "off" else attested(args.url, args.signed_by)
        version = origin.standing()
        model = take(origin, version, verify)
        rows = predict.score_file(
            model.estimator, model.card, args.file, called=version.tag, to=args.scores
        )
    except RatchetError as error:
        logging.critical("no scores: %s", error)
        return error.exit_code
    logging.info("%d rows scored with %s: %s", rows, version, args.scores)
    return 0


if __name__ == "__main__":
    sys.exit(main())
