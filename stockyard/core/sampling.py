"""Choose a share of all calls by their ids, the same ones in every process."""

from hashlib import blake2b


def in_sample(id: str, ratio: float) -> bool:
    """Whether the call or trace with this id is in a sample of this size (0 to 1)."""
    place = int.from_bytes(blake2b(id.encode(), digest_size=8).digest()) / 2**64
    return place < ratio
