"""How an operation says what it takes: what we hand it, and what a client may send."""

from typing import Annotated, TypeAlias, TypeVar

from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter, SkipValidation

T = TypeVar("T")

Given: TypeAlias = NamedDependency[SkipValidation[T]]
"""Handed over by `build(provided=…)` under the name of the parameter."""

Name = Annotated[str | None, QueryParameter(max_length=300)]
DryRun = Annotated[bool, QueryParameter(description="Check it and tell what it would change.")]
Reason = Annotated[str | None, HeaderParameter(name="X-Reason", max_length=500)]
"""Why somebody changes something; kept with the version."""
