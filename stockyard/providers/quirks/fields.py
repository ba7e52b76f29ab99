"""Fields that a provider refuses, names otherwise, or takes in other bounds."""

from stockyard.providers.quirks.quirk import Body, Change, ModelTraits, Quirk, without


def drop(field: str) -> Quirk:
    """The provider refuses the field."""

    def change(body: Body, model: ModelTraits) -> Change:
        return Change(without(body, field), (field,)) if field in body else Change(body)

    return Quirk((field,), change)


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
