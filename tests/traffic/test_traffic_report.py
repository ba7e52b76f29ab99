"""All recorded traffic through the gateway and its codecs: nothing fails, and the page says so."""

import asyncio
from pathlib import Path

import pytest

from tests.traffic.differences import ALL, Difference, Reason, Reasons, differences
from tests.traffic.passing import pass_through, sample
from tests.traffic.recordings import ABSENT, ROOT, recordings
from tests.traffic.report import report

recorded = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)

PAGE = Path(__file__).parents[2] / "docs" / "traffic.md"
SAMPLE = 400
SEED = 20


@recorded
def test_recordings_of_every_provider_pass_through_as_they_are(tmp_path: Path) -> None:
    chosen = sample(list(recordings()), SAMPLE, seed=SEED)
    passages = asyncio.run(pass_through(chosen, tmp_path, seed=SEED))
    assert len(passages) == len(chosen) >= SAMPLE
    failures = {
        recording: (passage.forwarded, passage.metered)
        for recording, passage in passages.items()
        if "failed" in (passage.forwarded.kind, passage.metered.kind)
    }
    assert failures == {}


@recorded
@pytest.mark.slow
def test_nothing_recorded_fails_and_the_page_is_current() -> None:
    told = report()
    assert told.failures == []
    assert PAGE.read_text() == f"{told}\n", "run `make traffic`"


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": None}, {}, []),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["a: 1 became true"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a: [1, 2] became [1]"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2, "c": 3}]}, ["a[].b: 1 became 2", "a[].c: 3 added"]),
        ({"a": {"b": "x"}}, {"a": {}}, ['a.b: "x" left out']),
    ],
)
def test_what_differs_is_told_with_its_place(
    before: object, after: object, found: list[str]
) -> None:
    assert [str(one) for one in differences(before, after)] == found


def test_a_reason_is_for_its_place_only_and_counted() -> None:
    reasons = Reasons(
        [
            Reason(because="so", check="answer", place="a[[][]].b c.*", formats="x"),
            Reason(because="all", check="stream", place=ALL),
        ]
    )
    assert reasons.of(Difference("a[].b", "added"), "answer", "x", "here") == "so"
    assert reasons.of(Difference("c.d", "changed"), "answer", "x", "here") == "so"
    assert reasons.of(Difference("a.b", "added"), "answer", "x", "here") is None
    assert reasons.of(Difference("a[].b", "added"), "answer", "y", "here") is None
    assert reasons.of(Difference("a[].b", "added"), "request", "x", "here") is None
    assert [reason.because for reason in reasons.unused] == ["all"]
