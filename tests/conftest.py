"""A repository with data of its own skips what plays the sample: `make test` stays its check."""

import os
from pathlib import Path

import pytest
from ruamel.yaml import YAML

PROJECT = Path(__file__).parents[1]
# Rooms whose tests run the project's own pipeline on the sample's days.
PLAYED = ("pipeline", "s3", "workflows")
# Fixed for all who use the project, whatever their data.
ALWAYS = ("test_workflow_files.py", "test_policies.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what can't be played without the sample, and have the longest stories go first."""
    _deal(items)
    source = YAML(typ="safe").load(PROJECT / "params.yaml")["source"]["url"]
    if (PROJECT / "sample" / "flights.parquet").exists() and source == "sample/inbox/":
        return
    skip = pytest.mark.skip(reason="plays the sample, and the data here are somebody's own")
    for item in items:
        played = item.path.parent.name in PLAYED and item.path.name not in ALWAYS
        if played or item.get_closest_marker("sample"):
            item.add_marker(skip)


def _deal(items: list[pytest.Item]) -> None:
    """Give each process its share of the workflows' stories, and these first.

    They take up to a minute each: at the end, one process would play them while the others rest.
    """
    hands = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    stories = [item for item in items if item.path.parent.name == "workflows"]
    others = [item for item in items if item.path.parent.name != "workflows"]
    size = -(-len(others) // hands)
    items[:] = [
        item
        for hand in range(hands)
        for item in (*stories[hand::hands], *others[hand * size : (hand + 1) * size])
    ]
