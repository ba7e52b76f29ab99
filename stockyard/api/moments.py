"""Times in query parameters: milliseconds, ISO 8601, or relative such as `-24h`."""

import re
from datetime import UTC, datetime
from time import time_ns

from stockyard.errors import Refused

RELATIVE = re.compile(r"-(\d{1,6})([smhd])")
MILLISECONDS = re.compile(r"\d{1,15}")
MS_PER = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def moment(written: str | None, parameter: str) -> int | None:
    """Milliseconds since 1970, UTC; None for None."""
    if written is None:
        return None
    if MILLISECONDS.fullmatch(written):
        return int(written)
    relative = RELATIVE.fullmatch(written)
    if relative:
        return time_ns() // 1_000_000 - int(relative[1]) * MS_PER[relative[2]]
    try:
        # A "+" in a URL arrives as a space.
        read = datetime.fromisoformat(written.replace(" ", "+") if "T" in written else written)
    except ValueError:
        raise Refused(
            400,
            "invalid",
            f'The parameter "{parameter}" must be milliseconds, ISO 8601, or relative like -24h.',
            param=parameter,
        ) from None
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)
