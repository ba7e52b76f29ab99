"""What every Python client does the same: hear which scenario to play, and tell what came of it."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
QUESTION = "How is the weather?"
REPORT = "12 degrees"
PATIENCE_SECONDS = 20


class Asked(NamedTuple):
    scenario: str
    url: str
    key: str
    model: str


Scenario = Callable[[Asked], Any]


def serve(*scenarios: Scenario) -> None:
    """Play scenarios by the name of their function until nobody asks any more."""
    known = {scenario.__name__: scenario for scenario in scenarios}
    for line in sys.stdin:
        asked = Asked(**json.loads(line))
        scenario = known.get(asked.scenario)
        try:
            heard = {"cannot": True} if scenario is None else scenario(asked)
        except Exception as error:
            heard = {"error": {"name": type(error).__name__, "status": status_of(error)}}
            heard["error"]["message"] = str(error)[:500]
        sys.stdout.write(f"@{json.dumps(heard)}\n")
        sys.stdout.flush()


def status_of(error: BaseException) -> int | None:
    """The status of HTTP behind an error, however the client names it."""
    for name in ("status_code", "status", "code", "http_status"):
        value = getattr(error, name, None)
        if isinstance(value, int):
            return value
    cause = error.__cause__ or error.__context__
    return status_of(cause) if cause is not None else None


def heard_until_cut(pieces: Iterable[str | None]) -> Any:
    """A stream that breaks off: what came, and what was raised."""
    text = ""
    try:
        for piece in pieces:
            text += piece or ""
    except Exception as error:
        return {"text": text, "raised": type(error).__name__}
    return {"text": text, "raised": None}
