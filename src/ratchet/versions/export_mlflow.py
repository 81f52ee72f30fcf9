"""Accepted versions, mirrored into an MLflow registry: git stays the source, MLflow a view of it.

A version becomes a run with parameters and metrics, and a registered model version with the very
model file, card and golden predictions. Each is known again by a tag, so that a second export makes
nothing new; aliases (`models:/NAME@prod`) follow the stages. No pickle is written: MLflow's
scikit-learn flavor reads the skops file as it is.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ratchet.artifacts import persist
from ratchet.errors import ConfigError, EvidenceError
from ratchet.files import sha256_file
from ratchet.gate.revisions import History
from ratchet.journal.commits import Revision
from ratchet.versions import history
from ratchet.versions.history import Entry
from ratchet.versions.mirror import COMMIT, VERSION, Mirrored, mirrored, stages
from ratchet.versions.record import Places

INSTALL = "uv pip install --editable '.[mlflow]' --constraint requirements/extras.txt"
FOLDER = "model"  # of a run's artifacts
_LONGEST = 5000  # letters of a tag that MLflow takes
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # seven take four minutes when nobody answers
}


@dataclass(frozen=True)
class Target:
    """Where to: the URI of MLflow's server, the names of the registered model and experiment."""

    uri: str
    name: str
    experiment: str


@dataclass(frozen=True)
class Files:
    """Paths from the top of the repository: what is exported beside the model."""

    model: str
    card: str
    golden: str


@dataclass
class Exported:
    """What an export did.

    made: the versions that are new in MLflow, with their numbers there. aliases: those that were
    set or moved, and the version each names now; "" for one that was taken away. tagged: versions
    whose tags were brought up to date. same: how many were there already. left_out: why versions
    weren't exported.
    """

    uri: str
    name: str
    made: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    tagged: list[str] = field(default_factory=list)
    same: int = 0
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """Which aliases can't name their version, as it isn't in MLflow."""
        return [f"{alias}: {tag}" for alias, tag in self.aliases.items() if tag in self.left_out]


def run(top: Path, places: Places, files: Files, to: Target) -> Exported:
    """Mirror every accepted version of the repository in `top` that isn't there yet.

    Raises ConfigError when MLflow isn't installed, EvidenceError when its server refuses or doesn't
    answer. What was exported until then stays, and the next export goes on from there.
    """
    with _mlflow(to.uri) as client:
        past = history.read(top, places)
        registry = _Registry(client, to)
        done = Exported(to.uri, to.name)
        repository = History(top)
        for entry in past.entries:
            told = mirrored(entry)
            if told.tag not in registry.numbers:
                with tempfile.TemporaryDirectory(prefix="ratchet-export-") as scratch:
                    try:
                        _gather(repository, entry, files, Path(scratch))
                    except EvidenceError as error:
                        done.left_out[told.tag] = str(error)
                        continue
                    done.made[told.tag] = registry.add(told, Path(scratch))
                continue
            done.same += 1
            if registry.bring_up_to_date(told):
                done.tagged.append(told.tag)
        for stage, tag in stages(past).items():
            if tag in done.left_out or registry.point(stage, tag):
                done.aliases[stage] = tag
    return done


def describe(done: Exported) -> str:
    """Return what was done, a line each."""
    lines = [f"{tag} is version {number} of {done.name}" for tag, number in done.made.items()]
    lines += [f"tags of {tag} brought up to date" for tag in done.tagged]
    lines += [
        f"{done.name}@{alias} is {tag} now" if tag else f"{done.name}@{alias} is taken away"
        for alias, tag in done.aliases.items()
        if tag not in done.left_out
    ]
    lines += [f"left out: {tag}: {why}" for tag, why in done.left_out.items()]
    told = f"{len(done.made)} new, {done.same} there already, in {done.uri}"
    return "\n".join([*lines, f"export mlflow: {told}"])


def to_json(done: Exported) -> str:
    """Return what was done for machines."""
    return json.dumps(asdict(done), indent=1, ensure_ascii=False)


class _Registry:
    """MLflow's registered model. numbers: of the mirrored versions, by our tag."""

    def __init__(self, client: Any, to: Target) -> None:
        self._client = client
        self._name = to.name
        known = client.search_registered_models(f"name='{to.name}'")
        model = known[0] if known else client.create_registered_model(to.name)
        self._aliases: Mapping[str, str] = {
            alias: str(number) for alias, number in model.aliases.items()
        }
        there = _all(client.search_model_versions, f"name='{to.name}'")
        self._tags = {each.tags[VERSION]: dict(each.tags) for each in there if VERSION in each.tags}
        self.numbers = {
            each.tags[VERSION]: str(each.version) for each in there if VERSION in each.tags
        }
        experiment = client.get_experiment_by_name(to.experiment)
        self._experiment: str = (
            experiment.experiment_id if experiment else client.create_experiment(to.experiment)
        )

    def add(self, told: Mirrored, folder: Path) -> str:
        """Make a run and a version with the files of `folder`; return its number.

        What an export that was cut off has left of it is removed first.
        """
        from mlflow.entities import Metric, Param

        of_it = f"tags.`{VERSION}` = '{told.tag}'"
        for broken in self._client.search_runs([self._experiment], of_it):
            self._client.delete_run(broken.info.run_id)
        made = self._client.create_run(
            self._experiment,
            start_time=told.accepted,
            tags={**_cut(told.tags), "mlflow.source.git.commit": told.tags[COMMIT]},
            run_name=told.tag,
        )
        number = made.info.run_id
        self._client.log_batch(
            number,
            [Metric(name, figure, told.accepted, 0) for name, figure in told.metrics.items()],
            [Param(name, value) for name, value in told.params.items()],
        )
        self._client.log_artifacts(number, str(folder), FOLDER)
        version = self._client.create_model_version(
            self._name,
            f"{made.info.artifact_uri}/{FOLDER}",
            number,
            tags=_cut({**told.tags, **told.standing}),
            description=told.why,
            await_creation_for=0,
        )
        self._client.set_terminated(number, end_time=told.accepted)
        self.numbers[told.tag] = str(version.version)
        return str(version.version)

    def bring_up_to_date(self, told: Mirrored) -> bool:
        """Set those of a version's tags that have changed; tell whether any has."""
        changed = {
            name: value
            for name, value in told.standing.items()
            if self._tags[told.tag].get(name, "") != value[:_LONGEST]
        }
        for name, value in changed.items():
            self._client.set_model_version_tag(self._name, self.numbers[told.tag], name, value)
        return bool(changed)

    def point(self, alias: str, tag: str) -> bool:
        """Let an alias name a version, or none with ""; tell whether that changed anything."""
        before, number = self._aliases.get(alias, ""), self.numbers.get(tag, "")
        if before == number:
            return False
        if number:
            self._client.set_registered_model_alias(self._name, alias, number)
        else:
            self._client.delete_registered_model_alias(self._name, alias)
        return True


def _gather(repository: History, entry: Entry, files: Files, folder: Path) -> None:
    """Fill `folder` with a version as MLflow's scikit-learn flavor reads it, and its card.

    Raises EvidenceError when the model can't be had, or isn't the accepted one.
    """
    version, card = entry.version, entry.record.card
    at = Revision(version.tag, version.commit)
    md5 = repository.output(at, files.model)
    if md5 is None or card is None:
        raise EvidenceError(f"{at} has no whole model that today's code can read")
    model = folder / Path(files.model).name
    repository.bring_file(md5, model)
    if sha256_file(model) != card.model_sha256:
        raise EvidenceError(f"{files.model} at {at} is not the model on its card")
    for path in (files.card, files.golden):
        content = repository.content(at, path)
        if content is not None:
            (folder / Path(path).name).write_bytes(content)
    pinned = [f"{name}=={number}" for name, number in sorted(card.libraries.items())]
    (folder / "requirements.txt").write_text("\n".join(pinned) + "\n", encoding="utf-8")
    _describe_flavor(folder, model.name, card.libraries)


def _describe_flavor(folder: Path, model: str, libraries: Mapping[str, str]) -> None:
    """Write MLflow's own description of the folder."""
    from mlflow.models import Model

    about = Model(model_size_bytes=(folder / model).stat().st_size)
    about.add_flavor(
        "sklearn",
        pickled_model=model,  # that is its name for any format
        serialization_format="skops",
        skops_trusted_types=sorted(persist.TRUSTED),
        sklearn_version=libraries.get("scikit-learn", ""),
        code=None,
    )
    about.save(str(folder / "MLmodel"))


def _cut(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that say something, as long as MLflow takes them."""
    return {name: value[:_LONGEST] for name, value in tags.items() if value}


def _all(search: Any, query: str) -> Sequence[Any]:
    """Return all that a search of MLflow finds, page by page."""
    found, token = [], None
    while True:
        page = search(query, page_token=token)
        found += list(page)
        token = page.token
        if not token:
            return found


@contextmanager
def _mlflow(uri: str) -> Iterator[Any]:
    """Yield MLflow's client; its errors become ours."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise ConfigError(f"MLflow's client isn't installed here ({error}); {INSTALL}") from error
    try:
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
    except MlflowException as error:
        reason = " ".join(str(error).split())
        raise EvidenceError(f"{uri}: MLflow says no: {reason[:600]}") from error
