"""What embeddings and rankings were billed for, both ways."""

from collections.abc import Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.usage import Counts


def read_meta(meta: Any) -> Usage | None:
    """Usage from `meta.billed_units`, as embeddings and rankings have it."""
    billed = meta.get("billed_units") if isinstance(meta, Mapping) else None
    if not isinstance(billed, Mapping):
        return None
    counts = Counts(billed)
    searches, image = counts.count("search_units"), counts.count("image_tokens")
    return Usage(
        in_fresh=counts.count("input_tokens") + image,
        in_image=image,
        units={"rerank_unit": searches} if searches else {},
        flags=counts.flags,
    )


def write_meta(usage: Usage | None) -> dict[str, Any]:
    billed: dict[str, int] = {}
    if usage is not None and usage.prompt:
        billed["input_tokens"] = usage.prompt - usage.in_image
    if usage is not None and usage.in_image:
        billed["image_tokens"] = usage.in_image
    if usage is not None and "rerank_unit" in usage.units:
        billed["search_units"] = usage.units["rerank_unit"]
    return {"api_version": {"version": "2"}, "billed_units": billed}
