"""The 120 cases of `security.md` 3.2 and 3.3, whole and byte by byte, against both planes."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from stockyard.testing.lane_host import Client, LaneHost

CORPUS = Path(__file__).parent / "corpus" / "http_strictness.txt"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: gw.test\r\n\r\n"
SIGNS = {
    "①": "GET /livez HTTP/1.1↵Host: gw.test↵",
    "②": "POST /probe HTTP/1.1↵Host: gw.test↵",
    "③": "Transfer-Encoding: chunked↵",
    "↵": "\r\n",
    "␊": "\n",
    "␍": "\r",
    "␀": "\0",
    "␋": "\v",
    "␉": "\t",
}
PATHS = {"data": (b"/call/whole", b"/call/whole"), "control": (b"/page", b"/form")}


@dataclass(frozen=True)
class Case:
    id: str
    name: str
    sent: bytes
    status: int | None
    """None when the case is to be accepted."""


def read_corpus() -> list[Case]:
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    return [read_case(line) for line in lines if not line.startswith("#")]


def read_case(line: str) -> Case:
    id_, name, text, expected = line.split(" | ")
    for sign, meaning in SIGNS.items():
        text = text.replace(sign, meaning)
    text = re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text)
    while "«" in text:
        text = re.sub(r"«(\d+)×([^«»]*)»", lambda m: m[2] * int(m[1]), text)
    status = None if expected == "accept" else int(expected)
    return Case(id_, name, text.encode("latin-1"), status)


CASES = read_corpus()


@pytest.mark.parametrize("manner", ["whole", "bytewise"])
@pytest.mark.parametrize("plane", ["data", "control"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.id} {case.name}")
def test_each_case_is_refused_or_accepted_as_the_specification_says(
    host: LaneHost, case: Case, plane: str, manner: str
) -> None:
    get, post = PATHS[plane]
    sent = case.sent.replace(b"/livez", get).replace(b"/probe", post)
    with host.client() as client:
        (client.send if manner == "whole" else client.send_bytewise)(sent + SMUGGLED)
        if case.status is None:
            accepts_both(client, host, case)
        else:
            answer = client.answer()
            assert answer.status == case.status
            assert answer.fields["connection"] == "close"
            assert client.closed_by_server(within_s=1)
            assert seen(host) == []


def accepts_both(client: Client, host: LaneHost, case: Case) -> None:
    first = client.answer()
    assert first.status == (204 if case.id == "X89" else 200)
    second_seen = ["GET /smuggled"]
    if first.fields.get("connection") == "close":
        assert case.id == "X88"
        assert client.closed_by_server(within_s=1)
        second_seen = []
    else:
        assert client.answer().body.startswith(b"GET /smuggled")
    first_seen = seen(host)[: len(seen(host)) - len(second_seen)]
    assert len(first_seen) == (0 if case.id == "X89" else 1)
    assert seen(host)[len(first_seen) :] == second_seen


def seen(host: LaneHost) -> list[str]:
    return [
        f"{call.head.method} {call.head.path}" for call in host.plane.calls
    ] + host.plane.requests


def test_the_corpus_is_complete() -> None:
    assert len({case.id for case in CASES}) == len(CASES) == 120
