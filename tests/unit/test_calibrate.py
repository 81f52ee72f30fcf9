"""Thresholds from the past."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import PARAMS, Shop

from ratchet import calibrate
from ratchet.checks.alarms import Alarm
from ratchet.checks.records import Record, Records, write_records
from ratchet.checks.statistic import Statistic
from ratchet.checks.thresholds import RULES, Rule, propose
from ratchet.config import Checks, load_params
from ratchet.data.failure import Failure
from ratchet.errors import ConfigError, DataError, EvidenceError


def test_a_threshold_leaves_one_odd_day_in_two_months_aside() -> None:
    usual = [n / 100 for n in range(59)]
    assert propose([*usual, 50.0], Rule(0)) == pytest.approx(0.58 + 0.5 * (0.58 - 0.295))
    assert propose([*usual, 50.0], Rule(0), 61) > 50
    assert propose([*usual, 50.0], Rule(0, headroom=0)) == 0.58
    assert propose([0.0] * 30, Rule(0.1)) == 0.1
    assert propose([3.0], Rule(0)) == 3.0


@pytest.mark.parametrize("series", [[], [0.0, float("nan")], [float("inf")]])
def test_a_threshold_needs_finite_figures(series: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        propose(series, Rule(0))


def test_there_is_a_rule_for_each_check() -> None:
    assert list(RULES) == list(Checks.model_fields)


def checks(**given: Any) -> Checks:
    each = {name: {"severity": "quarantine", "threshold": 0.5} for name in RULES}
    return Checks.model_validate(each | given)


def batches(count: int = 60, **series: list[float]) -> dict[str, Record]:
    """Return records with calm figures but for those given, which come last."""
    calm = {"row_count": 0.01, "distance x": 0.1, "distance y": 0.1, "level x": 1.0}
    found = {}
    for number in range(count):
        figures = dict(calm)
        for name, values in series.items():
            position = number - (count - len(values))
            if position >= 0:
                figures[name.replace("_of_", " ")] = values[position]
        found[f"day-{number:02}"] = Record("", 10, True, statistics=figures)
    return found


def test_checks_keep_their_floor_and_wild_columns_get_their_own_threshold() -> None:
    found = calibrate.calibrate(batches(distance_of_y=[0.9, 0.8]), checks(), 0.5)
    assert found.checks.distance.threshold == RULES["distance"].floor
    # The odd day, .9, is aside. Half the way from the median, .1, added to .8 is more than a share
    # can be: it is half the way from there to 1.
    assert found.checks.distance.columns == {"y": 0.9}
    assert list(found.notes) == ["distance y"]
    assert found.checks.row_count.threshold == RULES["row_count"].floor
    assert found.checks.distance.severity == "quarantine"
    assert found.quarantined == {}
    # 1.0 was above the present threshold all the time.
    assert found.quarantined_now["day-58"] == ["distance y", "level x"]
    assert found.quarantined_now["day-57"] == ["level x"]


def test_a_share_check_that_no_batch_could_break_is_not_proposed() -> None:
    near = calibrate.calibrate(batches(duplicate_rows=[0.95] * 25), checks(), 0.5)
    assert near.checks.duplicate_rows.threshold == 0.975
    assert "beyond 0.975 there is hardly anything" in near.notes["duplicate_rows"]
    # No threshold lets these pass and stops anything: it stays as it was, and warns.
    blind = calibrate.calibrate(batches(duplicate_rows=[1.0] * 25), checks(), 0.5)
    assert blind.checks.duplicate_rows.threshold == 0.5
    assert blind.checks.duplicate_rows.severity == "warn"
    assert "it can only warn, or be off" in blind.notes["duplicate_rows"]
    assert blind.quarantined == {}
    column = calibrate.calibrate(batches(new_value_of_x=[1.0] * 5), checks(), 0.5)
    assert column.checks.new_value.columns == {"x": 1}
    assert column.checks.new_value.severity == "quarantine"
    assert "1 leaves this column out" in column.notes["new_value x"]
    # A figure that is no share may be anything.
    free = calibrate.calibrate(batches(level_of_x=[90.0] * 5), checks(), 0.5)
    assert free.checks.level.columns["x"] > 90
    assert not free.notes


@given(st.lists(st.floats(-1, 1), min_size=1), st.floats(0, 0.99), st.floats(0, 2))
def test_a_share_s_threshold_is_below_1_unless_good_ones_reach_it(
    series: list[float], floor: float, headroom: float
) -> None:
    found = propose(series, Rule(floor, headroom, share=True))
    assert found < 1 or max(series) > 1 - 1e-9
    assert found >= max(series) or len(series) >= 60


def test_what_only_warns_sets_nothing_aside() -> None:
    quiet = checks(
        level={"severity": "warn", "threshold": 0}, distance={"severity": "off", "threshold": 0}
    )
    assert calibrate.calibrate(batches(), quiet, 0.5).quarantined_now == {}


def test_fewer_false_alarms_take_higher_thresholds() -> None:
    odd = batches(120, row_count=[2.0, 3.0])
    often, seldom = (calibrate.calibrate(odd, checks(), rate) for rate in (1, 0.1))
    assert often.checks.row_count.threshold < seldom.checks.row_count.threshold


def test_too_few_batches_are_told() -> None:
    with pytest.raises(DataError, match=r"27 batches were compared .* 28 are needed"):
        calibrate.calibrate(batches(27), checks(), 0.5)


# The command

PARAMS_TEXT = """\
# What you tune.
validate:
  checks:   # by severity
CHECKS
"""


@pytest.fixture
def recorded(shop: Shop) -> Shop:
    """A shop with 60 records, of which one broke the contract."""
    known = batches(row_count=[0.7])
    alarm = Alarm("quarantine", 1, Statistic("row_count", "", 0.7, "few"))
    known["day-60"] = Record("", 1, True, (Failure("rows", "", "1 row"),), alarms=(alarm,))
    shop.configure()
    shop.records.parent.mkdir()
    write_records(shop.records, Records("f", known), shop.validated, shop.profiles)
    return shop


def run(shop: Shop, **options: Any) -> calibrate.Proposal:
    given: dict[str, Any] = {"per_month": 0.5, "until": "", "write": False}
    return calibrate.run(
        load_params(shop.params_file), shop.params_file, records=shop.records, **(given | options)
    )


def test_it_shows_present_and_proposed_thresholds_and_writes_nothing(
    recorded: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    before = recorded.params_file.read_bytes()
    run(recorded)
    said = capsys.readouterr().out
    assert "60 batches, day-00 to day-59" in said  # not the one that broke the contract
    assert "Nothing was written" in said
    assert recorded.params_file.read_bytes() == before


def test_it_writes_thresholds_and_leaves_comments_alone(recorded: Shop) -> None:
    lines = [f"    {name}: {{severity: warn, threshold: 1, columns: {{z: 9}}}}" for name in RULES]
    sections = {key: value for key, value in PARAMS.items() if key != "validate"}
    text = PARAMS_TEXT.replace("CHECKS", "\n".join(lines))
    text = text.replace("validate:\n", "validate:\n  max_quarantined: 0.5  # half\n  n_jobs: 1\n")
    text += "".join(f"{key}: {value!r}\n".replace("'", '"') for key, value in sections.items())
    recorded.params_file.write_text(text)
    run(recorded, write=True)
    written = recorded.params_file.read_text()
    assert "# What you tune." in written
    assert "max_quarantined: 0.5  # half" in written
    assert "checks:   # by severity" in written
    made = load_params(recorded.params_file).validate_.checks
    assert made.distance.threshold == RULES["distance"].floor
    assert (made.distance.severity, made.distance.columns) == ("warn", {})


def test_it_learns_until_a_batch(recorded: Shop) -> None:
    assert run(recorded, until="day-40").batches[-1] == "day-40"


def test_wrong_use_is_told(recorded: Shop, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--per-month must be above 0"):
        run(recorded, per_month=0)
    recorded.records = tmp_path / "none.json"
    with pytest.raises(EvidenceError, match="run `dvc repro validate`"):
        run(recorded)
