"""A limit as operators write it: calls and tokens in a period, and calls at once."""

from typing import Annotated

from msgspec import Meta, Struct

from stockyard.core.kind import Kind

Count = Annotated[int, Meta(ge=0, le=10_000_000)]


class Allowance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    calls: Annotated[Count, Meta(description="Calls in a period; 0 is no limit.")] = 0
    tokens: Annotated[Count, Meta(description="Tokens in a period; 0 is no limit.")] = 0
    concurrent: Annotated[Count, Meta(description="Calls at once; 0 is no limit.")] = 0
    per_seconds: Annotated[int, Meta(ge=1, le=86_400, description="Length of a period.")] = 60
    burst: Annotated[
        Count, Meta(description="Calls that may come at once; 0 is all of `calls`.")
    ] = 0
    models: Annotated[
        tuple[Annotated[str, Meta(max_length=500)], ...],
        Meta(max_length=200, description="Only calls for these models; empty is any."),
    ] = ()
    kinds: Annotated[
        tuple[Kind, ...],
        Meta(max_length=20, description="Only calls of these kinds; empty is any."),
    ] = ()
