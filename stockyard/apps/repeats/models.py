"""A change that was sent with an `Idempotency-Key`."""

from typing import NamedTuple


class Claim(NamedTuple):
    """A claim and its sealed result. `sealed` is None while the outcome is unknown."""

    digest: bytes
    sealed: bytes | None
