"""What follows from which figures: every verdict, and that nothing broken ever passes."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.config import Bootstrap, Gate, Rule, SliceRules
from ratchet.errors import ConfigError
from ratchet.gate.paired import Difference, Movement
from ratchet.gate.rules import (
    Outcome,
    Status,
    Verdict,
    far_from,
    judge,
    judge_floors,
    judge_pair,
    judge_recorded,
    judge_slices,
)
from ratchet.gate.slices import Slice
from ratchet.sections import read_yaml

NEAR, FAR = Movement(0.01, 0.0, 0.0), Movement(0.2, 0.0, 0.0)
FIGURES = ("champion", "challenger", "loss", "low", "high")


def difference(loss, low, high, metric="log_loss"):
    spread = (high - low) / 4
    losses = loss + spread * np.linspace(-2, 2, 200)
    return Difference(metric, 0.5, 0.5 + loss, loss, low, high, losses)


def rules(moved_above=0.05, slices=None, **metrics):
    return Gate(
        metrics=metrics or {"log_loss": Rule(significant_loss=0.01)},
        moved_above=moved_above,
        slices=slices
        or SliceRules(columns=["origin"], metric="log_loss", margin=0.05, chance=0.05, min_rows=50),
        bootstrap=Bootstrap(replicates=100, confidence=0.95, seed=0),
    )


def verdict(found, config, moved=NEAR, new_batches=1):
    return judge(judge_pair({found.metric: found}, moved, new_batches, config)).verdict


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (difference(0.02, 0.005, 0.035), Verdict.BLOCK),
        (difference(0.02, -0.001, 0.041), Verdict.PASS),  # not sure
        (difference(0.02, 0.0, 0.04), Verdict.PASS),  # not beyond 0
        (difference(0.005, 0.004, 0.006), Verdict.PASS),  # sure, but small
        (difference(0.01, 0.004, 0.016), Verdict.PASS),  # not beyond the minimal loss
        (difference(-0.2, -0.3, -0.1), Verdict.PASS),
        (difference(0.0, 0.0, 0.0), Verdict.PASS),
    ],
)
def test_significant_loss(found, expected):
    assert verdict(found, rules(log_loss=Rule(significant_loss=0.01))) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (difference(0.0, -0.012, 0.012), Verdict.BLOCK),  # a loss of .012 can't be excluded
        (difference(-0.1, -0.22, 0.02), Verdict.BLOCK),
        (difference(0.005, 0.001, 0.01), Verdict.PASS),
        (difference(-0.2, -0.3, -0.1), Verdict.PASS),
    ],
)
def test_non_inferiority(found, expected):
    assert verdict(found, rules(log_loss=Rule(margin=0.01))) == expected
    if_moved = rules(log_loss=Rule(margin_if_moved=0.01, significant_loss=1))
    assert verdict(found, if_moved, FAR) == expected
    assert verdict(found, if_moved, NEAR) == Verdict.PASS


def test_who_learned_from_more_new_batches_may_move_further():
    config = rules(moved_above=0.03, log_loss=Rule(margin_if_moved=0.01, significant_loss=1))
    unsure = difference(0.0, -0.02, 0.02)
    moved = Movement(0.06, 0.0, 0.0)
    assert verdict(unsure, config, moved, 1) == Verdict.BLOCK
    assert verdict(unsure, config, moved, 3) == Verdict.BLOCK
    assert verdict(unsure, config, moved, 4) == Verdict.PASS
    assert far_from(0, config) == far_from(1, config) == 0.03
    assert far_from(4, config) == 0.06


def test_a_model_that_hardly_moved_may_pass_on_that_alone():
    config = rules(log_loss=Rule(margin_if_moved=0.01))
    assert verdict(difference(0.0, -0.02, 0.02), config, NEAR) == Verdict.PASS
    assert verdict(difference(0.0, -0.02, 0.02), config, FAR) == Verdict.BLOCK


def test_the_reason_says_it_in_words():
    config = rules(log_loss=Rule(margin_if_moved=0.01, significant_loss=0.01))
    judged = judge(judge_pair({"log_loss": difference(0.02, 0.005, 0.035)}, FAR, 1, config))
    assert judged.reasons == [
        "log_loss is 0.0200 worse (95% interval +0.0050 to +0.0350); a loss above 0.01 that is "
        "surely one blocks",
        "log_loss is 0.0200 worse (95% interval +0.0050 to +0.0350): at most 0.0350 worse with 95% "
        "confidence; asked is at most 0.01, because predictions moved far",
    ]


@given(
    loss=st.floats(-1, 0),
    width=st.floats(0, 1),
    limit=st.floats(0, 1),
)
def test_a_sure_improvement_never_blocks(loss, width, limit):
    """Whatever the rules: where the whole interval is a gain, no rule about pairs blocks."""
    found = difference(loss, loss - width, min(0.0, loss + width))
    config = rules(
        moved_above=0, log_loss=Rule(significant_loss=limit, margin=limit, margin_if_moved=limit)
    )
    assert verdict(found, config, FAR) == Verdict.PASS


@given(
    loss=st.floats(-1, 1),
    below=st.floats(0, 1),
    above=st.floats(0, 1),
    worse=st.floats(0, 1),
    limits=st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=3, max_size=3),
    movement=st.floats(0, 1),
)
def test_a_worse_challenger_is_never_judged_better(loss, below, above, worse, limits, movement):
    names = ("significant_loss", "margin", "margin_if_moved")
    asked = dict(zip(names, limits, strict=True)) | {"margin": limits[1] or 0.5}
    config = rules(log_loss=Rule(**asked))
    moved = Movement(movement, 0.0, 0.0)
    before = verdict(difference(loss, loss - below, loss + above), config, moved)
    shifted = loss + worse
    after = verdict(difference(shifted, shifted - below, shifted + above), config, moved)
    assert not (before == Verdict.BLOCK and after == Verdict.PASS)


@given(
    broken=st.sets(st.sampled_from(FIGURES), min_size=1),
    value=st.sampled_from([nan, inf, -inf]),
    limits=st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=2, max_size=2),
)
def test_what_is_not_finite_is_an_error_and_never_a_pass(broken, value, limits):
    found = replace(difference(-0.1, -0.2, -0.05), **dict.fromkeys(broken, value))
    config = rules(log_loss=Rule(significant_loss=limits[0], margin=limits[1]))
    assert verdict(found, config) == Verdict.ERROR


@pytest.mark.parametrize("moved", [nan, inf])
def test_a_movement_that_is_not_finite_is_an_error(moved):
    found = difference(-0.1, -0.2, -0.05)
    assert verdict(found, rules(), Movement(moved, 0.0, 0.0)) == Verdict.ERROR


def test_a_model_from_the_future_is_an_error():
    assert verdict(difference(-0.1, -0.2, -0.05), rules(), new_batches=-1) == Verdict.ERROR


def test_an_interval_inside_out_is_an_error():
    assert verdict(difference(-0.1, -0.05, -0.2), rules()) == Verdict.ERROR


def test_a_metric_that_was_not_compared_is_an_error():
    config = rules(log_loss=Rule(margin=1), roc_auc=Rule(margin=1))
    judged = judge(judge_pair({"log_loss": difference(0, 0, 0)}, NEAR, 1, config))
    assert judged.verdict == Verdict.ERROR
    assert judged.reasons == ["roc_auc was not compared"]


def test_judging_nothing_is_an_error():
    assert judge([]).verdict == Verdict.ERROR
    unjudged = Outcome("slices", "origin=EWR", Status.UNJUDGED, "only 3 rows")
    assert judge([unjudged]).verdict == Verdict.ERROR
    config = rules(log_loss=Rule(floor=0.6))  # asks nothing of a pair
    assert verdict(difference(5, 4, 6), config) == Verdict.ERROR


def test_error_goes_before_block_and_block_before_pass():
    fine, blocks, error = (
        Outcome("r", "m", status, status.value)
        for status in (Status.FINE, Status.BLOCKS, Status.ERROR)
    )
    assert judge([fine, blocks, error]).verdict == Verdict.ERROR
    assert judge([fine, blocks, error], first=True).reasons == ["error"]
    assert judge([fine, blocks]).verdict == judge([blocks], first=True).verdict == Verdict.BLOCK
    assert judge([fine]).verdict == Verdict.PASS
    assert judge([fine], first=True).verdict == judge([], first=True).verdict == Verdict.FIRST


FLOORS = rules(log_loss=Rule(floor=0.6), roc_auc=Rule(floor=0.6), brier=Rule(margin=0.1))


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"log_loss": 0.5, "roc_auc": 0.7}, Verdict.FIRST),
        ({"log_loss": 0.6, "roc_auc": 0.6}, Verdict.FIRST),
        ({"log_loss": 0.61, "roc_auc": 0.7}, Verdict.BLOCK),
        ({"log_loss": 0.5, "roc_auc": 0.59}, Verdict.BLOCK),
        ({"log_loss": 0.5}, Verdict.ERROR),
        ({"log_loss": 0.5, "roc_auc": nan}, Verdict.ERROR),
        ({"log_loss": -inf, "roc_auc": 0.7}, Verdict.ERROR),
    ],
)
def test_a_first_model_is_held_to_the_floors(figures, expected):
    assert judge(judge_floors(figures, FLOORS), first=True).verdict == expected


RECORDED = rules(roc_auc=Rule(max_drop=0.1), log_loss=Rule(max_drop=0.1))


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ((0.92, 0.3), (0.90, 0.32), Verdict.PASS),
        ((0.92, 0.3), (0.57, 0.3), Verdict.BLOCK),  # the collapse that a diff lets through
        ((0.92, 0.3), (0.92, 0.5), Verdict.BLOCK),
        ((0.57, 0.5), (0.92, 0.3), Verdict.PASS),  # improvement
        ((0.92, 0.3), (nan, 0.3), Verdict.ERROR),
        ((0.92, nan), (0.92, 0.3), Verdict.ERROR),
        ((0.92, 0.3), (0.92, None), Verdict.ERROR),
        ((0.92, 0.3), (inf, 0.3), Verdict.ERROR),
    ],
)
def test_recorded_figures(base, head, expected):
    names = ("roc_auc", "log_loss")
    pair = (dict(zip(names, each, strict=True)) for each in (base, head))
    assert judge(judge_recorded(*pair, RECORDED)).verdict == expected


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ({"roc_auc": 0.9, "log_loss": 0.3}, {"roc_auc": 0.9}),
        ({"roc_auc": 0.9}, {"roc_auc": 0.9, "log_loss": 0.3}),
        ({"roc_auc": 0.9}, {"roc_auc": 0.9}),
        ({"roc_auc": 0.9, "log_loss": 0.3, "rows": 7.0}, {"roc_auc": 0.9, "log_loss": 0.3}),
        ({}, {}),
    ],
    ids=["missing", "extra", "asked for and in neither", "missing without rule", "nothing"],
)
def test_recorded_figures_that_only_one_has_are_an_error(base, head):
    assert judge(judge_recorded(base, head, RECORDED)).verdict == Verdict.ERROR


def part(value, loss, deviation, rows=500):
    losses = loss + deviation * np.array([-1, 1] * 50)
    found = Difference(
        "log_loss", 0.5, 0.5 + loss, loss, loss - 2 * deviation, loss + 2 * deviation, losses
    )
    return Slice("origin", value, rows, found)


SMALL = Slice("origin", "LGA", 7, None, "only 7 rows, fewer than 50")


def test_a_collapsed_slice_blocks_and_a_small_one_is_told():
    outcomes = list(
        judge_slices([part("EWR", 0.3, 0.02), part("JFK", 0.0, 0.02), SMALL], rules().slices)
    )
    assert [each.status for each in outcomes] == [Status.BLOCKS, Status.FINE, Status.UNJUDGED]
    assert outcomes[0].reason.startswith("origin=EWR (500 rows): log_loss is 0.3000 worse")
    assert outcomes[2].reason == "origin=LGA: only 7 rows, fewer than 50"
    assert judge(outcomes).verdict == Verdict.BLOCK


def test_among_many_slices_a_bad_one_must_be_worse_to_block():
    bad, good = part("A", 0.1, 0.025), [part(f"B{i}", 0.0, 0.025) for i in range(19)]
    assert judge(judge_slices([bad], rules().slices)).verdict == Verdict.BLOCK
    assert judge(judge_slices([bad, *good], rules().slices)).verdict == Verdict.PASS


@pytest.mark.parametrize("figure", FIGURES)
def test_a_slice_that_is_not_finite_is_an_error(figure):
    broken = part("EWR", 0.0, 0.02)
    broken = replace(broken, difference=replace(broken.difference, **{figure: nan}))
    outcomes = judge_slices([part("JFK", 0.0, 0.02), broken], rules().slices)
    assert judge(outcomes).verdict == Verdict.ERROR


@pytest.mark.parametrize("rule", [Rule(floor=0.5), Rule(max_drop=0.5)])
def test_a_floor_for_a_metric_that_is_not_recorded_is_a_wrong_setting(rule):
    config = rules(log_loss_within=rule)
    figures = {"log_loss_within": 0.4}
    with pytest.raises(ConfigError, match="log_loss_within: max_drop"):
        list(judge_floors(figures, config)) + list(judge_recorded(figures, figures, config))


SECTION = """\
moved_above: 0.04
metrics:
  log_loss: {significant_loss: 0.01, margin_if_moved: 0.01, floor: 0.69}
  log_loss_within: {margin_if_moved: 0.01}
slices: {columns: [origin], metric: log_loss, margin: 0.03, chance: 0.01, min_rows: 200}
bootstrap: {replicates: 1000, confidence: 0.95, seed: 0}
"""


def test_the_section_reads_as_a_person_writes_it(tmp_path):
    path = tmp_path / "gate.yaml"
    path.write_text(SECTION)
    config = read_yaml(path, Gate)
    assert config.metrics["log_loss"].unit == "batch"
    assert config.metrics["log_loss_within"].significant_loss is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("margin_if_moved: 0.01,", "margin_if_move: 0.01,", "did you mean margin_if_moved"),
        ("floor: 0.69", "floor: .nan", "metrics.log_loss.floor must be a finite number"),
        ("floor: 0.69", "margin: .inf", "metrics.log_loss.margin must be a finite number"),
        ("floor: 0.69", "margin: -1", "metrics.log_loss.margin must be >= 0"),
        ("moved_above: 0.04", "moved_above: .nan", "moved_above"),
        ("chance: 0.01", "chance: 0", "slices.chance must be > 0"),
    ],
)
def test_a_rule_that_would_never_bite_is_refused(tmp_path, old, new, message):
    path = tmp_path / "gate.yaml"
    path.write_text(SECTION.replace(old, new))
    with pytest.raises(ConfigError) as refused:
        read_yaml(path, Gate)
    assert message in str(refused.value)
