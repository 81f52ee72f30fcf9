"""Files that a person wrote wrongly: the message says what, where, and what may stand there."""

import pytest
from project import NEWEST, Project

HEADER = "id,uri,version,etag,bytes,sha256,override,note\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "stage", "message"),
    [
        ("params.yaml", "  train: 10", "  trian: 10", "fetch", "window.train is missing"),
        ("params.yaml", "  train: 10", "  train: 0", "fetch", "window.train must be >= 1 (got 0)"),
        (
            "params.yaml",
            "  threshold:",
            "  treshold:",
            "evaluate",
            "evaluate.treshold is not a known key (did you mean threshold? allowed: threshold,",
        ),
        ("params.yaml", "slices: [origin", "slices: [orgin", "evaluate", "evaluate.slices: orgin"),
        (
            "params.yaml",
            "estimator: hist_",
            "estimator: his_",
            "train",
            "his_gradient_boosting is not known (did you mean hist_gradient_boosting?",
        ),
        (
            "params.yaml",
            "max_leaf_nodes:",
            "max_leafs:",
            "train",
            "train.parameters.hist_gradient_boosting.max_leafs: is not a parameter",
        ),
        (
            "schema.yaml",
            "flight: {type: integer, feature: false, min:",
            "flight: {type: integer, feature: false, mni:",
            "validate",
            "columns.flight.mni is not a known key (did you mean min? allowed: type,",
        ),
        ("schema.yaml", "target:", "traget:", "validate", "target is missing"),
    ],
)
def test_a_wrong_key(
    project: Project, file: str, old: str, new: str, stage: str, message: str
) -> None:
    before = project.read("dvc.lock")
    project.replace(file, old, new)
    printed = project.repro_fails(stage, code=2)
    assert f"ratchet {stage}: {file}: " in printed
    assert message in printed
    assert project.read("dvc.lock") == before
    project.replace(file, new, old)
    project.run("dvc", "checkout")
    project.run("git", "checkout", "--", "reports", "models")
    assert project.run("git", "status", "--porcelain") == ""


def test_an_empty_window(project: Project) -> None:
    manifest = project.path("data/manifest.csv")
    manifest.write_text(HEADER)
    message = "ratchet fetch: data/manifest.csv: no batch in the window; pin some with"
    assert message in project.repro_fails("fetch", code=2)
    manifest.unlink()
    printed = project.fail("dvc", "repro", code=255)
    assert "data/manifest.csv" in printed


def test_too_few_batches_for_the_holdout(project: Project) -> None:
    project.set("params.yaml", window__holdout=13)
    printed = project.repro_fails("train", code=3)
    assert "the window has 13 accepted batches, window.holdout takes 13" in printed


def test_one_class_only(project: Project) -> None:
    """In the holdout first, then in all that is there."""
    newest = project.path(f"sample/inbox/{NEWEST}.csv")
    on_time = [line for line in newest.read_text().splitlines() if not line.endswith(",1")]
    newest.write_text("\n".join(on_time) + "\n")
    project.set("params.yaml", window__holdout=1)
    project.set("schema.yaml", rows__min=100)
    project.run("ratchet", "discover", "--accept-changed", NEWEST)
    printed = project.repro_fails("train", code=3)
    assert "the holdout rows" in printed
    assert "have only negative labels in late; check target in schema.yaml" in printed
