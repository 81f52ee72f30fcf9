"""Each kind of fault does what its name says, to anybody's features."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ratchet.replay.spoil import KINDS, Lesson, choose, most_telling

BATCHES, ROWS = 30, 20
FEATURES = {"weak": "number", "strong": "integer", "kind": "category", "flag": "boolean"}


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    dice = np.random.default_rng(0)
    count = BATCHES * ROWS
    strong = dice.integers(0, 100, count)
    y = (strong + dice.normal(0, 10, count) > 50).astype(np.int8)
    rows = pa.table(
        {
            "weak": pa.array(dice.normal(size=count), mask=dice.random(count) < 0.1),
            "strong": strong,
            "kind": dice.choice(["a", "b"], count),
            "flag": dice.random(count) < 0.5,
        }
    )
    return Lesson(rows, y, 5 + np.repeat(np.arange(BATCHES), ROWS), FEATURES)


def spoiled(lesson: Lesson, kind: str, seed: int = 0) -> Lesson:
    return KINDS[kind](lesson, np.random.default_rng(seed))


def wrong_by_batch(lesson: Lesson, kind: str) -> np.ndarray:
    """Return the share of changed labels in each batch."""
    changed: np.ndarray = (spoiled(lesson, kind).y != lesson.y).reshape(BATCHES, ROWS).mean(axis=1)
    return changed


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_the_same_each_time_and_leaves_the_original_alone(
    lesson: Lesson, kind: str
) -> None:
    rows, y = lesson.rows, lesson.y.copy()
    one, two = spoiled(lesson, kind), spoiled(lesson, kind)
    assert one.rows.equals(two.rows)
    assert (one.y == two.y).all()
    assert lesson.rows is rows
    assert (lesson.y == y).all()
    assert not (one.rows.equals(rows) and len(one.y) == len(y) and (one.y == y).all())
    assert len(one.rows) == len(one.y) == len(one.place)
    assert one.rows.schema.equals(rows.schema)
    assert one.y.dtype == y.dtype


def test_two_batches_are_the_newest(lesson: Lesson) -> None:
    assert set(spoiled(lesson, "two batches only").place) == {33, 34}


def test_labels_are_flipped_where_and_as_often_as_the_name_says(lesson: Lesson) -> None:
    everywhere = wrong_by_batch(lesson, "30 % flipped")
    assert 0.25 < everywhere.mean() < 0.35
    lately = wrong_by_batch(lesson, "20 % of 28 batches flipped")
    assert (lately[:2] == 0).all()
    assert 0.15 < lately[2:].mean() < 0.25
    assert wrong_by_batch(lesson, "7 batches inverted").tolist() == [0.0] * 23 + [1.0] * 7


def test_three_batches_lose_their_positives(lesson: Lesson) -> None:
    found = spoiled(lesson, "3 batches of one label").y
    assert found[-3 * ROWS :].sum() == 0
    assert (found[: -3 * ROWS] == lesson.y[: -3 * ROWS]).all()


def test_the_feature_that_says_most_is_shuffled_and_no_other(lesson: Lesson) -> None:
    assert most_telling(lesson) == "strong"
    found = spoiled(lesson, "best feature shuffled").rows
    assert Counter(found["strong"].to_pylist()) == Counter(lesson.rows["strong"].to_pylist())
    assert not found["strong"].equals(lesson.rows["strong"])
    assert found.drop_columns(["strong"]).equals(lesson.rows.drop_columns(["strong"]))


def test_without_numbers_a_category_is_shuffled(lesson: Lesson) -> None:
    names = ["kind", "flag"]
    only = Lesson(
        lesson.rows.select(names), lesson.y, lesson.place, {n: FEATURES[n] for n in names}
    )
    assert most_telling(only) in names


@pytest.mark.parametrize("seed", range(8))
def test_a_group_of_features_is_lost_but_in_the_oldest_batch(lesson: Lesson, seed: int) -> None:
    found = spoiled(lesson, "a third of the features lost", seed).rows
    lost = [name for name in FEATURES if found[name].null_count >= (BATCHES - 1) * ROWS]
    assert len(lost) == 1
    assert found.slice(0, ROWS).equals(lesson.rows.slice(0, ROWS))


def test_nights_are_chosen_at_random_and_kinds_come_in_turn() -> None:
    found = choose(141, 0.1, seed=0)
    assert len(found) == 14
    assert 0 not in found
    assert max(found) < 141
    assert set(Counter(found.values()).values()) == {2}
    assert found == choose(141, 0.1, seed=0)
    assert found != choose(141, 0.1, seed=1)


# Other tasks


def of_task(lesson: Lesson, classes: int) -> Lesson:
    """Return the same rows with labels of several classes, or with numbers."""
    strong = lesson.rows["strong"].to_numpy()
    if classes:
        return replace(lesson, y=(strong * classes // 100).astype(np.int16), classes=classes)
    return replace(lesson, y=3.5 * strong, classes=0)


@pytest.mark.parametrize("classes", [0, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_spoils_labels_of_any_kind(lesson: Lesson, kind: str, classes: int) -> None:
    other = of_task(lesson, classes)
    found = spoiled(other, kind)
    assert found.y.dtype == other.y.dtype
    assert set(found.y) <= set(other.y) | set(2 * np.median(other.y) - other.y)
    assert not (found.rows.equals(other.rows) and np.array_equal(found.y, other.y))


@pytest.mark.parametrize("classes", [0, 4])
def test_labels_of_any_kind_become_wrong_as_often_as_the_name_says(
    lesson: Lesson, classes: int
) -> None:
    other = of_task(lesson, classes)
    everywhere = wrong_by_batch(other, "30 % flipped")
    assert 0.25 < everywhere.mean() < 0.35
    assert (wrong_by_batch(other, "20 % of 28 batches flipped")[:2] == 0).all()
    assert (wrong_by_batch(other, "7 batches inverted")[:23] == 0).all()
    assert set(spoiled(other, "3 batches of one label").y[-3 * ROWS :]) == {other.y.min()}
    assert most_telling(other) == "strong"


def test_numbers_that_are_flipped_are_other_rows_numbers(lesson: Lesson) -> None:
    other = of_task(lesson, 0)
    assert sorted(spoiled(other, "30 % flipped").y) == sorted(other.y)
