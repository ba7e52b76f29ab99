"""Names that are paths: `projects/p/locations/l/publishers/google/models/gemini-2.5-pro`."""

import re

_BEFORE = re.compile(r"(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/[^/]+/)?models/(?=.)")


def bare_model(name: str) -> str:
    """The model's name alone, without the project, publisher and collection before it."""
    before = _BEFORE.match(name)
    return name[before.end() :] if before is not None else name


def last_two(name: str) -> str:
    """Collection and id of a thing, without the account or project before them."""
    return "/".join(name.rsplit("/", 2)[-2:])
