"""How unusual a figure of the newest batch is, beside the same figure of each batch before it."""

import numpy as np

CLEAR = 3.5  # deviations by which more rows are concerned than usually
HIGH = 2  # the usual limit is the second highest of the reference, so that one odd batch is borne


def limit(past: np.ndarray) -> np.ndarray:
    """Return the usual upper limit of figures: their HIGH-th highest along the first axis."""
    high: np.ndarray = np.sort(past, axis=0)[-min(HIGH, len(past))]
    return high


def beyond(share: float, usual: float, rows: int) -> float:
    """Return the excess of a share over the usual one, at most 0 where chance would do for it.

    In a batch of few rows a single one is a large share. Roots of counts have a deviation of about
    1/2, however large the counts are; the excess has to be CLEAR of them.
    """
    apart = 2 * (np.sqrt(max(share, 0) * rows) - np.sqrt(max(usual, 0) * rows))
    return share - usual if apart > CLEAR else min(share - usual, 0.0)


def shares(counts: np.ndarray) -> np.ndarray:
    """Divide each row of counts by its sum; a row of zeros stays so."""
    parts: np.ndarray = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return parts


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return the Jensen-Shannon distance of the rows of `p` and `q` (shares), between 0 and 1.

    It is the square root of the divergence to the base 2 (Endres and Schindelin 2003).
    """
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    root: np.ndarray = np.sqrt(np.clip(divergence, 0, 1))
    return root


def stability_index(p: np.ndarray, q: np.ndarray, floor: float = 1e-4) -> float:
    """Return the population stability index of two arrays of shares, each at least `floor`."""
    p, q = np.maximum(p, floor), np.maximum(q, floor)
    return float(np.sum((p - q) * np.log(p / q)))


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    total: np.ndarray = np.sum(p * np.log2(ratio), axis=-1)
    return total
