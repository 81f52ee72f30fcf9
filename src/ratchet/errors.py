"""What can go wrong, and the exit code it means.

Codes: 0 fine · 1 a bug (traceback) · 2 usage or configuration · 3 data broke the contract ·
4 the gate says BLOCK, or a fault slipped through the drill · 5 evidence missing or unreadable.
"""


class RatchetError(Exception):
    """An expected failure. Its message says what, where, and what to do next."""

    exit_code = 1


class ConfigError(RatchetError):
    """A wrong command line, `params.yaml` or `schema.yaml`, or a budget that was exceeded."""

    exit_code = 2


class DataError(RatchetError):
    """The data broke the contract in `schema.yaml`, or there is too little of it."""

    exit_code = 3


class BlockedError(RatchetError):
    """A guard says no: what was asked for must not go on."""

    exit_code = 4


class EvidenceError(RatchetError):
    """A file is missing, unreadable or not what its hash says, or could not be written."""

    exit_code = 5


def in_one_line(error: Exception) -> str:
    """Return what a reader of YAML found wrong; the text that it was handed has no name."""
    return " ".join(str(error).split()).replace('in "<unicode string>", ', "at ")
