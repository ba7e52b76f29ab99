"""How long a provider asks us to wait before a retry.

Spelled as seconds, milliseconds, durations (`6m0s`), dates, RetryInfo, as what is left of a limit,
or in words.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from stockyard.wire.codec import Fields

LONGEST = 7 * 86_400.0

_DURATION = re.compile(
    r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?"
)
_IN_WORDS = re.compile(r"(?:try again|retry) (?:in|after) ((?:\d{1,9}(?:\.\d{1,9})?(?:ms|h|m|s))+)")
_NOTHING_LEFT = re.compile(r";\s*r=0(?![\d.])")
_RESET = re.compile(r";\s*t=(\d{1,9})(?![\d.])")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")


def retry_after(fields: Fields, error: Mapping[str, Any], message: str) -> float | None:
    """Seconds to wait, or None. The largest hint of the headers wins over body and words."""
    told = {name.lower(): value.decode("latin-1") for name, value in fields}
    hints = [
        _milliseconds(told.get(b"retry-after-ms", "")),
        _seconds_or_date(told.get(b"retry-after", ""), told.get(b"date", "")),
    ]
    known = [hint for hint in hints if hint is not None]
    if known:
        return min(max(known), LONGEST)
    hint = _retry_info(error)
    if hint is None:
        hint = _used_up(told.get(b"ratelimit", ""))
    if hint is None and (words := _IN_WORDS.search(message)):
        hint = duration(words[1])
    return None if hint is None else min(hint, LONGEST)


def in_vain(fields: Fields) -> bool:
    """Whether a provider says that a retry would fail as well."""
    said = (value for name, value in fields if name.lower() == b"x-should-retry")
    return next(said, b"").strip().lower() == b"false"


def duration(text: str) -> float | None:
    """Seconds of `17.39s`, `2ms`, `6m0s`, `1h2m`."""
    match = _DURATION.fullmatch(text)
    if not match or not text:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _milliseconds(text: str) -> float | None:
    return float(text) / 1000 if _NUMBER.fullmatch(text.strip()) else None


def _seconds_or_date(text: str, now: str) -> float | None:
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if (span := duration(text)) is not None:
        return span
    when, sent = _date(text), _date(now)
    # A codec has no clock: a date is a span only beside the date on which it was sent.
    return max((when - sent).total_seconds(), 0.0) if when and sent else None


def _date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _used_up(limits: str) -> float | None:
    """Until when the limits last of which nothing is left: `"api";r=0;t=55`.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
    """
    resets = [
        float(reset[1])
        for limit in limits.split(",")
        if _NOTHING_LEFT.search(limit) and (reset := _RESET.search(limit))
    ]
    return max(resets, default=None)


def _retry_info(error: Mapping[str, Any]) -> float | None:
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, Mapping) else None
        if isinstance(delay, str):
            return duration(delay)
    return None
