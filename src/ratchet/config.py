"""`params.yaml` as typed, checked values.

Every key is required and unknown keys are refused: what runs is what the file says, and DVC can
track each value. The field descriptions are the reference for a person who tunes them.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ratchet.sections import Section, read_yaml
from ratchet.task import Task


class Source(Section):
    """Where `ratchet discover` looks for batches."""

    url: str = Field(
        min_length=1,
        description="folder or s3:// prefix with a file per batch, or one that is overwritten",
    )
    pattern: str = Field(min_length=1, description="glob that the file names match, e.g. *.csv")
    split: Literal["day", "week", "month"] | None = Field(
        None, description="cut the one big file at url into batches, by the time in schema.yaml"
    )


class Window(Section):
    """Which batches are in use, counted from the newest one in the manifest."""

    train: int = Field(ge=1, description="batches that teach")
    holdout: int = Field(ge=1, description="newest batches, which judge and never teach")
    reference: int = Field(
        ge=0,
        description="batches right before a batch that it is compared with; 0 compares with none",
    )
    pool: int = Field(
        ge=1, description="newest batches whose labels are judged together, for want of rows"
    )

    @property
    def size(self) -> int:
        """Batches that teach or judge."""
        return self.train + self.holdout

    @property
    def fetched(self) -> int:
        """Batches that are needed: those of the window, and those that its oldest ones need."""
        return self.size + (self.reference + self.pool if self.reference else 0)


Severity = Literal["off", "warn", "quarantine", "fail"]


class Check(Section):
    """What one of the checks does when its figure is above its threshold."""

    severity: Severity = Field(
        description="off, warn, quarantine (set the batch aside) or fail (stop the run)"
    )
    threshold: float = Field(
        ge=0, description="largest figure that raises no alarm, in the check's own unit"
    )
    columns: dict[str, float] = Field(
        {}, description="by column, where one needs another threshold"
    )

    def limit(self, column: str) -> float:
        """Return the threshold for a column."""
        return self.columns.get(column, self.threshold)


class Checks(Section):
    """How a batch may differ from those before it. `ratchet calibrate` proposes thresholds."""

    row_count: Check = Field(
        description="natural logarithm of the rows by the median of the batches before, beyond the "
        "usual: 0.25 is 28 % more or 22 % fewer"
    )
    out_of_day: Check = Field(
        description="share of rows that aren't of the batch's day, where its id is a date"
    )
    null_share: Check = Field(description="share of missing values, beyond the usual")
    constant: Check = Field(
        description="a column has one value, which seldom filled a batch before"
    )
    new_category: Check = Field(
        description="share of rows with a category never seen before, beyond the usual"
    )
    new_value: Check = Field(
        description="share of rows with a number never seen before, in columns of few distinct ones"
    )
    lost_category: Check = Field(
        description="share that vanished categories had before, beyond the usual"
    )
    lost_range: Check = Field(
        description="share that ranges of numbers had before which are empty now, beyond the usual"
    )
    distance: Check = Field(
        description="Jensen-Shannon distance from the batches before, beyond the usual"
    )
    level: Check = Field(description="jump of the mean, in deviations of the means before")
    pair: Check = Field(
        description="share of rows with two values that never met before, beyond the usual"
    )
    correlation: Check = Field(
        description="change of the rank correlation of two columns, beyond the usual"
    )
    cell_count: Check = Field(
        description="rows with the same two values, beyond the usual, in roots of the usual count"
    )
    label_rate: Check = Field(description="share of positive labels, beyond the usual")
    duplicate_rows: Check = Field(
        description="share of rows that an earlier batch had, the time column aside"
    )
    duplicate_batch: Check = Field(description="share of the rows of one earlier batch")
    label_noise: Check = Field(
        description="share of wrong labels among the clearest rows of the pool"
    )
    label_direction: Check = Field(
        description="1 less the slope of the labels on a model of the batches before"
    )
    label_coherence: Check = Field(
        description="1 less how much labels of like rows agree, as a share of the usual; pool"
    )
    label_slice: Check = Field(
        description="evidence that a slice of the pool lost its positive or negative labels (log)"
    )


class Validate(Section):
    """When a batch is set aside, and when the window as a whole is too bad to go on."""

    max_quarantined: float = Field(
        ge=0, le=1, description="largest share of the window's batches that may be quarantined"
    )
    n_jobs: int = Field(ge=1, description="processes that check batches side by side")
    checks: Checks


class Budget(Section):
    """What one training may cost; beyond it the stage ends without a model."""

    max_rows: int = Field(ge=1, description="most training rows")
    max_seconds: float = Field(gt=0, description="most wall-clock seconds for fit and scoring")
    max_memory_mb: float = Field(gt=0, description="most resident memory, in MB (10^6 bytes)")
    n_jobs: int = Field(ge=1, description="processors; the model's bytes don't depend on it")


class Train(Section):
    """Which estimator learns, with what parameters, within what budget."""

    estimator: str = Field(description="one in learners.py, or a class: xgboost.XGBClassifier")
    seed: int = Field(ge=0, le=2**32 - 1, description="random_state of the estimator")
    parameters: dict[str, dict[str, Any]] = Field(description="keyword arguments, by estimator")
    budget: Budget


class Bootstrap(Section):
    """How the intervals of the metrics are made."""

    replicates: int = Field(ge=100, description="resamples of the holdout")
    confidence: float = Field(gt=0.5, lt=1, description="coverage of the interval, e.g. 0.95")
    seed: int = Field(
        ge=0, description="seed of the resamples; the same one gives the same intervals"
    )


class Evaluate(Section):
    """What is measured on the holdout."""

    threshold: float = Field(
        gt=0, lt=1, description="rows with a higher probability count as positive"
    )
    slices: list[str] = Field(description="columns of schema.yaml to measure value by value")
    min_slice_rows: int = Field(ge=1, description="slices with fewer rows are only counted")
    bootstrap: Bootstrap


class Rule(Section):
    """What the gate asks of one metric. What isn't written isn't asked.

    A loss is by how much the challenger is worse than the champion, in the metric's own unit: that
    of the labels for rmse and mae.
    """

    unit: Literal["row", "batch"] = Field(
        default="batch", description="what resamples draw: whole batches, or rows of each batch"
    )
    significant_loss: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="block a loss above this whose interval lies above 0, in the metric's unit",
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="block unless the interval excludes a larger loss",
    )
    margin_if_moved: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="as margin, asked only of a challenger beyond moved_above",
    )
    max_drop: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="block if the recorded figure is worse by more than this",
    )
    floor: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="block if the challenger's own figure is worse than this",
    )


class SliceRules(Section):
    """What the gate asks of parts of the holdout."""

    columns: list[str] = Field(description="columns of schema.yaml to compare value by value")
    metric: str = Field(description="the metric of the task that is compared")
    margin: float = Field(ge=0, description="block a slice that surely loses more than this")
    chance: float = Field(
        gt=0,
        lt=0.5,
        description="chance of blocking any slice by luck; shared out by Holm's method",
    )
    min_rows: int = Field(ge=2, description="smaller slices are counted, not judged")


Action = Literal["off", "warn", "block"]


class Limit(Section):
    """A figure that may not grow beyond a limit, and what happens if it does."""

    most: float = Field(ge=0, description="the largest value that is fine")
    action: Action = Field(description="beyond it: nothing, a warning, or BLOCK")


class More(Section):
    """What the gate asks besides the metrics. What isn't written isn't asked."""

    size: Limit | None = Field(
        default=None, description="size of the model's file, as a multiple of the champion's"
    )
    latency: Limit | None = Field(
        default=None, description="time to score the holdout, as a multiple of the champion's"
    )
    calibration: Limit | None = Field(
        default=None,
        description="by how much the calibration error may rise; not asked for regression",
    )
    churn: Limit | None = Field(
        default=None,
        description="share of the holdout's rows whose decision flips; not asked for regression",
    )
    same_inputs: Action = Field(
        default="off",
        description="what another model from the same data, parameters and code means",
    )
    same_model: Action = Field(
        default="off", description="what the same model from other training data means"
    )


class Gate(Section):
    """When a challenger may take the champion's place."""

    metrics: dict[str, Rule] = Field(
        min_length=1,
        description="a rule for each metric that is judged, by its name: one of the task, or "
        "NAME_within: with the level of each batch set right for both models first",
    )
    moved_above: float = Field(
        ge=0,
        le=1,
        description="mean change of the predictions, by the root of the number of new batches, "
        "beyond which a rule's margin_if_moved is asked for. Of probabilities, with several "
        "classes half the sum over them (total variation); for regression as a share of the "
        "standard deviation of the holdout's labels",
    )
    slices: SliceRules
    more: More = More()
    bootstrap: Bootstrap


class Trigger(Section):
    """When a night trains a model: as soon as one of these is reached."""

    new_rows: int = Field(ge=1, description="accepted rows after the champion's newest batch")
    age: int = Field(ge=1, description="batches after the champion's newest one, good or not")
    drift: float = Field(
        ge=0,
        le=1,
        description="how much farther a column may be from the champion's training data than is "
        "usual (Jensen-Shannon distance)",
    )
    loss: float = Field(
        ge=0,
        description="how much smaller the champion's advantage over the prior may be on the new "
        "batches than on its holdout: in nats of log loss, or for regression in RMSE as a share of "
        "the prior's",
    )


class Drill(Section):
    """Which faults a fire drill plays; their names are those of `ratchet drill --list`."""

    only: list[str] = Field(description="play these, or all when empty")
    may_slip: list[str] = Field(
        description="these may slip, though they must be caught on other data"
    )


class Params(Section):
    """The whole of `params.yaml`."""

    task: Task = Field(
        "binary",
        description="binary and multiclass predict the class of a row, regression a number",
    )
    source: Source
    window: Window
    validate_: Annotated[Validate, Field(alias="validate")]
    train: Train
    evaluate: Evaluate
    trigger: Trigger
    drill: Drill
    gate: Gate


def load_params(path: Path) -> Params:
    """Read and check `params.yaml`.

    Raises ConfigError, one line for each wrong key: the file, the key, what is allowed.
    """
    return read_yaml(path, Params)
