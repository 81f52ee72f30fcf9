"""Figures as people read them."""

import pytest

from ratchet.scoring.digits import shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.43384, "0.4338"),
        (1.0, "1.000"),
        (0.0, "0.000"),
        (612.34, "612.3"),
        (48204.4, "48,204"),
        (-0.00123456, "-0.0012"),
        (0.047, "0.0470"),
        (0.000123456, "0.000123"),
        (1e-12, "0.000000"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_a_figure_has_the_digits_that_count(value: float, text: str) -> None:
    assert shown(value) == text
