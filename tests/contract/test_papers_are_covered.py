"""What the papers on formats and streams ask to be tested has tests, and they are named for it.

Only the names are compared here: whether a test shows what it says, it must show itself.
"""

import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SPEC = TESTS.parents[1] / "shared" / "spec"
pytestmark = pytest.mark.skipif(not SPEC.is_dir(), reason="no papers beside the project")

MATRICES = {
    "tool lifecycle": "wire/test_streaming_pitfalls.py::test_s26",
    "tool truncation": "wire/test_turn_termination.py::test_a_turn_that_was_cut_short_in_a_call",
    "terminal metadata": "wire/test_turn_termination.py::test_usage_that_follows_the_end",
    "stream terminal (Gemini early STOP)": "wire/test_gemini_streams.py::test_s24",
    "streaming logprobs": "wire/test_streams_agree.py::test_a_stream_becomes_what_the_other",
    "history round trip": "wire/test_history_round_trip.py::test_what_was_said_and_called",
    "refusal": "wire/test_turn_termination.py::test_a_refusal_is_one_in_every_format",
    "reasoning usage": "wire/test_usage_of_providers.py::test_counts_mean_what_the_provider",
    "stop-sequence terminal": "wire/test_turn_termination.py::test_the_stop_sequence_that_ended",
    "empty stop sequence": "wire/test_what_is_refused_elsewhere.py::test_blank_stop_sequences",
    "turn termination": "wire/test_turn_termination.py::test_every_word_for_an_end",
    "truncated turn": "wire/test_streams_agree.py::test_s19_a_stream_that_is_cut_anywhere",
    "strict schema": "wire/test_cases.py::test_formats_agree",
    "prompt caching": "wire/test_cache_breakpoints.py::test_nothing_is_lost",
    "thought text": "wire/test_streaming_pitfalls.py::test_s28",
    "cached content": "wire/test_gemini_requests.py::test_a_request_that_is_written_again_says_the",
    "error matrix": "wire/test_error_matrix.py::test_every_kind_of_error_is_told",
    "error identity": "wire/test_error_matrix.py::test_whoever_reads_an_error_of_ours",
    "embeddings": "wire/test_embeddings.py::test_",
    "rerank": "wire/test_rerank.py::test_",
    "transcription usage": "wire/test_media_usage.py::test_",
    "image parameters": "wire/test_upload.py::test_images_are_counted",
}
"""Matrix of `wire.md` 13.3 -> a test of it, by the beginning of its name."""


def paper(name: str) -> str:
    return (SPEC / name).read_text(encoding="utf-8") if SPEC.is_dir() else ""


def pitfalls() -> list[int]:
    return [int(n) for n in re.findall(r"^\*\*S(\d+) ", paper("streaming.md"), re.MULTILINE)]


def listed(opening: str) -> str:
    """The list in section 13 of `wire.md` that opens with these words."""
    found = re.search(rf"^\d\. {opening}: (.*)\.$", paper("wire.md"), re.MULTILINE)
    return found[1] if found else ""


def features() -> list[str]:
    return listed("Feature folders to have").split(" · ")


def matrices() -> list[str]:
    return listed("Truncation and order matrices from recordings").split(", ")


@cache
def named_pitfalls() -> frozenset[int]:
    """Numbers in the names of tests, but for those that are numbers of another paper."""
    found: set[int] = set()
    for file in TESTS.rglob("test_*.py"):
        text = file.read_text(encoding="utf-8")
        if "security.md" not in text and file.parent.name != "security":
            for name in re.findall(r"def test((?:_s\d\d)+)_", text):
                found.update(int(number) for number in re.findall(r"\d\d", name))
    return frozenset(found)


def test_the_papers_are_read() -> None:
    assert len(pitfalls()) > 50
    assert len(features()) > 50
    assert len(matrices()) > 20


@pytest.mark.parametrize("number", pitfalls())
def test_a_pitfall_has_a_test_of_its_number(number: int) -> None:
    assert number in named_pitfalls()


@pytest.mark.parametrize("feature", features())
def test_a_feature_has_a_folder_of_golden_cases(feature: str) -> None:
    folder = TESTS / "wire" / "cases" / feature
    only_there = feature in ("usage_tool_prompt",)
    assert len([*folder.glob("*.json")]) > (0 if only_there else 1)


@pytest.mark.parametrize("matrix", matrices())
def test_a_matrix_has_a_test(matrix: str) -> None:
    file, _, opening = MATRICES[matrix].partition("::")
    assert f"def {opening}" in (TESTS / file).read_text(encoding="utf-8")
