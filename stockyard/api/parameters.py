"""Annotations for the parameters of an operation: injected values, and what clients may send."""

from typing import Annotated, TypeAlias, TypeVar

from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter, SkipValidation

T = TypeVar("T")

Given: TypeAlias = NamedDependency[SkipValidation[T]]
"""Injected by `build(provided=…)` under the parameter's name."""

Name = Annotated[str | None, QueryParameter(max_length=300)]
DryRun = Annotated[bool, QueryParameter(description="Check it and tell what it would change.")]
Reason = Annotated[
    str | None,
    HeaderParameter(
        name="X-Reason",
        max_length=500,
        description="The reason for a change; stored with the configuration version.",
    ),
]
