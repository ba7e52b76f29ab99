"""What is known of a change that was sent with an `Idempotency-Key`."""

from typing import NamedTuple


class Kept(NamedTuple):
    """A claim, and what came of it. `sealed` is None while the end is not known."""

    digest: bytes
    sealed: bytes | None
