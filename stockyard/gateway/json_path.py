"""Find the values at a path in a JSON value, such as `output.*.container_id`."""

from typing import Any


def values_at(value: Any, path: str) -> list[Any]:
    """All values at the path; `*` stands for every element of a list."""
    found = [value]
    for step in path.split("."):
        if step == "*":
            found = [one for each in found if isinstance(each, list) for one in each]
        else:
            found = [each[step] for each in found if isinstance(each, dict) and step in each]
    return found
