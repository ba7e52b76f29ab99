"""Plain tables for the terminal."""

from collections.abc import Iterator, Sequence

GAP = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines with columns as wide as they need to be. Nothing for no rows."""
    if not rows:
        return
    every = [head, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]
    for row in every:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield GAP.join(cells).rstrip()
