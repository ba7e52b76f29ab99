"""The Luhn check digit (ISO/IEC 7812-1, annex B), of payment cards and many national numbers."""

from collections.abc import Sequence

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""For each digit the sum of the digits of its double."""


def passes_luhn(digits: Sequence[int]) -> bool:
    """Whether the last digit is the check digit of the others."""
    doubled = map(_DOUBLED.__getitem__, digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
