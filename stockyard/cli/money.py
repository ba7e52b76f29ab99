"""Amounts of money in readable form."""

MICROS = 1_000_000


def dollars(micros: int, per: int = 1) -> str:
    """`$2.50`, or with more places where there is more; never rounded. `per` is a power of ten."""
    whole, rest = divmod(micros, MICROS * per)
    width = len(str(MICROS * per)) - 1
    places = f"{rest:0{width}}".rstrip("0")
    return f"${whole:,}.{places:0<2}"
