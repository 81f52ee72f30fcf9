"""`python -m ratchet` is `ratchet`."""

import sys

from ratchet.cli.main import main

sys.exit(main())
