"""Models that are named as the things of a cloud are: `publishers/google/models/gemini-2.5`."""

import re

_BEFORE = re.compile(r"(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/[^/]+/)?models/(?=.)")


def bare_model(name: str) -> str:
    """The name alone, without the project, the publisher or the collection before it."""
    before = _BEFORE.match(name)
    return name[before.end() :] if before is not None else name
