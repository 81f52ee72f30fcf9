"""The catalogue: every fault of the drill, by name, in the order of the report."""

import difflib
from collections.abc import Collection, Mapping

from ratchet.drill import labels, rows, structure, values
from ratchet.drill.fault import Fault
from ratchet.errors import ConfigError
from ratchet.task import Task

CATALOGUE: Mapping[str, Fault] = {
    fault.name: fault
    for faults in (structure.FAULTS, values.FAULTS, rows.FAULTS, labels.FAULTS)
    for fault in faults
}


def select(names: Collection[str], task: Task | None = None) -> list[Fault]:
    """Return the faults with these names in the catalogue's order, all when none is named.

    With a task, only those that such data can have.

    Raises ConfigError for a name that isn't in the catalogue, or a fault of other tasks.
    """
    for name in names:
        if name not in CATALOGUE:
            meant = difflib.get_close_matches(name, CATALOGUE, n=1)
            guess = f"did you mean {meant[0]}? " if meant else ""
            raise ConfigError(f"{name}: no such fault; {guess}`ratchet drill --list` names all")
        if task and task not in CATALOGUE[name].tasks:
            raise ConfigError(
                f"{name}: is a fault of {' and '.join(CATALOGUE[name].tasks)} data, and the task "
                f"in params.yaml is {task}"
            )
    fitting = [fault for fault in CATALOGUE.values() if not task or task in fault.tasks]
    return [fault for fault in fitting if not names or fault.name in names]
