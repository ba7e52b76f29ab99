"""How much memory there is, and how much of it is ours, as far as the system tells."""

from pathlib import Path

import pytest

from stockyard.process.memory import limit_bytes, peak_bytes, used_bytes


def test_what_is_used_is_never_more_than_the_most_that_was() -> None:
    assert 1 << 20 < used_bytes() <= peak_bytes() * 1.1


@pytest.mark.parametrize(
    ("v2", "v1", "limit"),
    [
        ("1073741824\n", None, 1 << 30),
        ("max\n", None, 0),
        (None, "536870912\n", 1 << 29),
        (None, "9223372036854771712\n", 0),
        ("max\n", "536870912\n", 1 << 29),
        (None, None, 0),
    ],
)
def test_the_limit_is_that_of_the_control_group(
    tmp_path: Path, v2: str | None, v1: str | None, limit: int
) -> None:
    files = tmp_path / "v2", tmp_path / "v1"
    for file, text in zip(files, (v2, v1), strict=True):
        if text is not None:
            file.write_text(text)
    assert limit_bytes(files) == limit
