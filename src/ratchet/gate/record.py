"""`gate.json`: everything that the gate found, for machines."""

import json
from dataclasses import asdict
from math import isfinite
from typing import Any

from ratchet.gate.findings import Findings, Side
from ratchet.gate.paired import Difference


def content(found: Findings) -> str:
    """Return everything that was found as JSON text; figures that aren't finite become null."""
    judged = found.judgement
    told = {
        "verdict": judged.verdict,
        "reason": found.reason,
        "base": _revision(found, "base"),
        "head": _revision(found, "head"),
        "behind": found.behind,
        "rules_from": str(found.policy.source) if found.policy else None,
        "policy_changes": list(found.policy_changes),
        "policy_approved": found.approved,
        "outcomes": [asdict(each) for each in judged.outcomes],
        "recorded": {
            name: {"figures": dict(each.figures), "problems": list(each.problems)}
            for name, each in found.recorded.items()
        },
        "champion": _side(found.champion),
        "challenger": _side(found.challenger),
        "same_model": found.same_model,
        "rollback": found.rollback.version.tag if found.rollback else None,
        "differences": {name: _difference(each) for name, each in found.differences.items()},
        "movement": asdict(found.movement) if found.movement else None,
        "slices": [
            {
                "column": each.column,
                "value": each.value,
                "rows": each.rows,
                "difference": _difference(each.difference) if each.difference else None,
                "reason": each.reason,
            }
            for each in found.slices
        ],
        "seconds": asdict(found.latency) if found.latency else None,
        "batches": asdict(found.batches),
        "drill": {outcome: list(names) for outcome, names in found.drill.items()},
    }
    return json.dumps(_finite(told), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _revision(found: Findings, which: str) -> dict[str, str] | None:
    revision = getattr(found, which)
    return asdict(revision) if revision else None


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "model_sha256": side.card.model_sha256,
        "estimator": side.card.estimator,
        "bytes": side.bytes,
        "train_batches": len(side.card.train.batches),
        "metrics": dict(side.figures),
    }


def _difference(each: Difference) -> dict[str, float]:
    names = ("champion", "challenger", "loss", "low", "high")
    return {name: getattr(each, name) for name in names}


def _finite(told: Any) -> Any:
    if isinstance(told, float):
        return told if isfinite(told) else None
    if isinstance(told, dict):
        return {key: _finite(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_finite(value) for value in told]
    return told
