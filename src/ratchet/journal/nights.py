"""What a line of the run ledger says of its night to those who come later."""

from collections.abc import Mapping


def why(line: Mapping[str, str | None]) -> str:
    """Return why a night ended as it did: what the gate said, where it was asked.

    Older ledgers have only why the model was trained, and that isn't why it was refused.
    """
    reason = line.get("reason") or ""
    if not line.get("verdict"):
        return reason
    said = f"trained because: {reason}" if reason else "nothing more is known"
    return line.get("gate_reason") or f"the gate's reason isn't in this ledger; {said}"
