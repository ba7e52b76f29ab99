"""Durations and sizes as people write them: `30s`, `5m`, `24h`, `7d`; `16KiB`, `50MiB`."""

import re

DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)", re.ASCII)
SIZE = re.compile(r"(\d+)(B|KiB|MiB|GiB|kB|MB|GB)", re.ASCII)

SECONDS_PER = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES_PER = {
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}
ZERO = (0, "0")
LONGEST = 100 * 366 * 86400.0
LARGEST = 1 << 50


class Seconds(float):
    """A duration."""

    @classmethod
    def read(cls, written: object) -> "Seconds":
        """From text with a unit; 0 needs none."""
        if written in ZERO and written is not False:
            return cls(0)
        found = DURATION.fullmatch(written.strip()) if isinstance(written, str) else None
        if not found:
            raise ValueError("must be a duration with its unit, such as 250ms, 30s, 5m, 24h or 7d")
        seconds = float(found[1]) * SECONDS_PER[found[2]]
        if seconds > LONGEST:
            raise ValueError("is longer than 100 years")
        return cls(seconds)


class Size(int):
    """A number of bytes."""

    @classmethod
    def read(cls, written: object) -> "Size":
        """From a number of bytes, or text with a unit; 0 needs none."""
        if written == "0":
            return cls(0)
        if isinstance(written, int) and not isinstance(written, bool) and 0 <= written <= LARGEST:
            return cls(written)
        found = SIZE.fullmatch(written.strip()) if isinstance(written, str) else None
        if not found:
            raise ValueError("must be a size, such as 512B, 16KiB, 50MiB or 1GiB")
        size = int(found[1]) * BYTES_PER[found[2]]
        if size > LARGEST:
            raise ValueError("is larger than 1 PiB")
        return cls(size)
