"""Which change runs which stage again."""

import pytest
from project import MODEL, Project, ran

JUDGED_ALL = "validate: 13 batches judged"


@pytest.mark.parametrize(
    ("module", "stages"),
    [
        ("stages/fetch.py", ["fetch"]),
        ("data/parse.py", ["validate"]),
        # The card says by what code the model was made, and evaluate reads the card.
        ("model.py", ["train", "evaluate"]),
        ("scoring/curves.py", ["evaluate"]),
        ("predict.py", []),
    ],
)
def test_a_comment_in_a_module(project: Project, module: str, stages: list[str]) -> None:
    before = project.outputs()
    path = project.path("src/ratchet") / module
    path.write_text(path.read_text() + "\n# a remark\n")
    printed = project.repro()
    assert ran(printed) == stages
    assert (JUDGED_ALL in printed) == (module == "data/parse.py")
    after = project.outputs()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"models/card.json", "data/records.json"}
    assert after[MODEL] == before[MODEL]


def test_a_change_of_the_contract(project: Project) -> None:
    project.replace("schema.yaml", "max: 6000}", "max: 5000}")
    printed = project.run("dvc", "repro", "validate")
    assert ran(printed) == ["validate"]
    assert JUDGED_ALL in printed
    assert "schema.yaml" in project.run("dvc", "status", "train")


def test_a_change_of_what_is_measured(project: Project) -> None:
    before = project.outputs()
    project.set("params.yaml", evaluate__threshold=0.2)
    assert ran(project.repro()) == ["evaluate"]
    after = project.outputs()
    assert after["reports/metrics.json"] != before["reports/metrics.json"]
    project.set("params.yaml", evaluate__threshold=0.5)
    project.repro()
    assert project.outputs() == before


def test_a_change_of_the_window(project: Project) -> None:
    project.set("params.yaml", window__train=9)
    printed = project.repro()
    assert "fetch: 0 of 12 batches fetched" in printed
    assert "1 dropped" in printed
    assert "validate: 0 batches judged, 12 accepted" in printed
    assert ran(printed) == ["fetch", "validate", "train", "evaluate"]
