"""nightly.yml, executed: what a night leaves on GitHub and in DVC's remote."""

import pytest
from project import MODEL, NEXT
from world import World

NIGHT = "nightly.yml"


def test_a_good_batch_becomes_one_pull_request_which_the_next_night_updates(
    world: World,
) -> None:
    main = world.github.sha()
    world.produce()
    run = world.run(NIGHT, "schedule")
    assert run.results == {
        "retrain": "success",
        "propose": "success",
        "again": "skipped",
        "alarm": "success",
    }, run.log
    [pull] = world.github.open_pulls
    print(pull, run.log)
    assert 0
