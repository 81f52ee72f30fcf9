"""The catalogue: every fault of the drill, by name, in the order of the report."""

import difflib
from collections.abc import Collection, Mapping

from ratchet.drill import labels, rows, structure, values
from ratchet.drill.fault import Fault
from ratchet.errors import ConfigError

CATALOGUE: Mapping[str, Fault] = {
    fault.name: fault
    for faults in (structure.FAULTS, values.FAULTS, rows.FAULTS, labels.FAULTS)
    for fault in faults
}


def select(names: Collection[str]) -> list[Fault]:
    """Return the faults with these names in the catalogue's order, all when none is named.

    Raises ConfigError for a name that isn't in the catalogue.
    """
    for name in names:
        if name not in CATALOGUE:
            meant = difflib.get_close_matches(name, CATALOGUE, n=1)
            guess = f"did you mean {meant[0]}? " if meant else ""
            raise ConfigError(f"{name}: no such fault; {guess}`ratchet drill --list` names all")
    return [fault for fault in CATALOGUE.values() if not names or fault.name in names]
