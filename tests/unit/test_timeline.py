"""The window batch by batch."""

from ratchet.checks.alarms import Alarm
from ratchet.checks.records import Record
from ratchet.checks.statistic import Statistic
from ratchet.checks.timeline import WHOLE_BATCH, arrivals, drift
from ratchet.config import Checks
from ratchet.data.failure import Failure
from ratchet.data.target import Target

WARNING = Alarm("warn", 0.5, Statistic("distance", "x", 0.75, "far"))
WINDOW = {
    "a": Record("", 100, True, label=(0.25,)),
    "b": Record("", 50, True, label=(0.1,), alarms=(WARNING,)),
    "c": Record("", 0, False, (Failure("empty", "", "no content"),)),
}


def test_each_batch_has_its_rows_label_rate_and_state() -> None:
    assert arrivals(WINDOW, Target("binary", "late", 1)) == {
        "batch": ["a", "b", "c"],
        "rows": [100, 50, 0],
        "label": [0.25, 0.1, None],
        "state": ["good", "warning", "quarantined"],
    }


def test_each_column_shows_the_check_that_is_closest_to_an_alarm() -> None:
    quiet = {name: {"severity": "off", "threshold": 0} for name in Checks.model_fields}
    checks = Checks.model_validate(
        {
            **quiet,
            "distance": {"severity": "warn", "threshold": 0.5},
            "level": {"severity": "warn", "threshold": 10, "columns": {"x": 2}},
            "pair": {"severity": "warn", "threshold": 0.4},
            "row_count": {"severity": "warn", "threshold": 1},
        }
    )
    figures = {
        "distance x": 0.25,
        "level x": 3.0,
        "pair x,y": 0.1,
        "row_count": -0.5,
        "null_share x": 99.0,  # off
    }
    found = drift({"b": Record("", 50, True, statistics=figures)}, checks)
    rows = sorted(zip(*found.values(), strict=True))
    assert rows == [
        ("b", WHOLE_BATCH, 0.0, ""),
        ("b", "x", 1.5, "level"),
        ("b", "y", 0.25, "pair"),
    ]
