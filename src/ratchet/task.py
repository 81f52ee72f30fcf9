"""The tasks that a model can have; `task:` in params.yaml names one."""

from typing import Literal, TypeAlias

Task: TypeAlias = Literal["binary", "multiclass", "regression"]
