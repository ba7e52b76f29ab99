"""No secret leaves by the log, however it got into a line."""

from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.process.logs import Redaction

SECRET = "Zx9/correct+horse=battery"


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET, safe=""),
        b64encode(SECRET.encode()).decode(),
        SECRET[:16] + "...",
    ],
    ids=["itself", "in a URL", "base64", "cut short"],
)
def test_a_live_secret_is_hidden_in_every_way_it_may_be_written(written: str) -> None:
    shown = Redaction(lambda: [SECRET])(f'{{"message":"failed with {written}"}}\n'.encode())
    assert shown.startswith(b'{"message":"failed with [secret]')
    assert b"Zx9" not in shown
    assert b"horse" not in shown


@pytest.mark.parametrize(
    "shape",
    [
        "sk-proj-0123456789abcdef",
        "sk-sy-0123456789abcdef0123",
        "sya-0123456789abcdef0123",
        "AIzaSyA0123456789abcdefghijklmnopqrst",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdef0123456789",
        "Authorization: Bearer abcdefgh12345678",
        "https://user:password@proxy.example",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    ],
)
def test_what_looks_like_a_secret_is_hidden_without_being_known(shape: str) -> None:
    assert b"[secret]" in Redaction()(f"before {shape} after".encode())


@pytest.mark.parametrize(
    "line",
    [
        "14:03:07 200 first-key gpt-4o-mini → mock 8+29 tok 1 ms tr_01m7yyqryyv5k3e7st00000001",
        '{"request_id":"req_01m7yyqryyv5k3e7st00000001","key_id":"key_e248a146999bfbb8d1b4d76e"}',
        "the disk-0 task risk-free",
        "https://api.example.com/v1/models?limit=5",
        "/home/user/.stockyard/stockyard.db",
    ],
)
def test_ordinary_lines_stay_as_they_are(line: str) -> None:
    assert Redaction(lambda: [SECRET, "", "short"])(line.encode()) == line.encode()


def test_secrets_that_come_later_are_hidden_too() -> None:
    secrets: list[str] = []
    redact = Redaction(lambda: secrets)
    assert redact(SECRET.encode()) == SECRET.encode()
    secrets.append(SECRET)
    assert redact(SECRET.encode()) == b"[secret]"


@given(
    st.lists(st.text(min_size=8, max_size=60).filter(str.isprintable), max_size=5),
    st.text(max_size=50),
)
def test_whatever_the_secrets_are_made_of_none_is_left(secrets: list[str], around: str) -> None:
    line = around + around.join(secrets)
    shown = Redaction(lambda: secrets)(line.encode())
    assert not any(secret.encode() in shown.replace(b"[secret]", b"\0") for secret in secrets)
