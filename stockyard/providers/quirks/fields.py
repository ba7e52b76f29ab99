"""Quirks of fields that a provider refuses, renames or bounds."""

from stockyard.providers.quirks.quirk import Body, Change, ModelTraits, Quirk, without

MAX_COMPLETION_TOKENS = "max_completion_tokens"


def drop(fields: str) -> Quirk:
    """`a,b`: the provider refuses these fields."""
    names = tuple(fields.split(","))

    def change(body: Body, model: ModelTraits) -> Change:
        found = tuple(name for name in names if name in body)
        return Change(without(body, *found), found) if found else Change(body)

    return Quirk(names, change)


def rename(fields: str) -> Quirk:
    """`a>b`: the provider calls field a `b`."""
    old, _, new = fields.partition(">")

    def change(body: Body, model: ModelTraits) -> Change:
        if old not in body:
            return Change(body)
        if new in body:
            return Change(without(body, old))
        return Change({new if k == old else k: v for k, v in body.items()})

    return Quirk((old,), change)


def max_tokens_not_completion(body: Body, model: ModelTraits) -> Change:
    """The provider knows the older name only. Where a client says both, the newer one counts."""
    if MAX_COMPLETION_TOKENS not in body:
        return Change(body)
    limit = body[MAX_COMPLETION_TOKENS]
    older = body.get("max_tokens")
    kept = without(body, MAX_COMPLETION_TOKENS)
    return Change(kept | {"max_tokens": older if limit is None else limit})


def clamp(arguments: str) -> Quirk:
    """`field:min:max`: the provider refuses numbers outside."""
    field, low, high = arguments.split(":")
    least, most = float(low), float(high)

    def change(body: Body, model: ModelTraits) -> Change:
        value = body.get(field)
        if not isinstance(value, int | float) or least <= value <= most:
            return Change(body)
        return Change(body | {field: min(max(value, least), most)}, (field,))

    return Quirk((field,), change)


def no_stream_options(body: Body, model: ModelTraits) -> Change:
    """Refused as unknown; usage comes on the last chunk anyway (`wire.md` 4.11)."""
    if "stream_options" not in body:
        return Change(body)
    return Change(without(body, "stream_options"))
