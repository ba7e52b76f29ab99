"""Where the file in a form begins."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import Refused
from stockyard.wire.multipart import start_of_file
from tests.held_things import a_form


class TestTheModelOfTheFirstLine:
    @pytest.mark.parametrize(
        ("body", "start"),
        [
            (a_form(b"{}"), b"{}"),
            (a_form(b"", "p" * 1000), b"\r\n--cut--"),
            (a_form(b"{}", "p" * (65 << 10)), None),
            (b"{}", None),
            (b"--cut\r\n\r\n", None),
            (b"--cut\r\nx: " + b"y" * 20_000, None),
            (b"--cut--\r\n", None),
        ],
    )
    def test_it_is_looked_for_near_the_beginning(self, body: bytes, start: bytes | None) -> None:
        found = start_of_file(body, "file")
        assert (found is None) is (start is None)
        if start is not None and found is not None:
            assert body[found:].startswith(start)

    @given(st.binary(max_size=300))
    def test_odd_forms_come_to_nothing_or_a_refusal(self, rest: bytes) -> None:
        with suppress(Refused):
            start = start_of_file(b"--cut\r\n" + rest, "file")
            assert start is None or b"name=" in rest[:start]
