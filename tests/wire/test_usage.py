"""Token counts: what is inside what, told apart; and nothing counted twice."""

from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.money import Usage
from stockyard.wire.anthropic_messages.usage import read_usage, write_usage
from stockyard.wire.gemini.usage import read_usage as read_gemini_usage
from stockyard.wire.gemini.usage import write_usage as write_gemini_usage
from stockyard.wire.openai_responses.usage import write_usage as write_responses_usage
from stockyard.wire.usage import merged, read_chat_usage, write_chat_usage


def chat(prompt: Any, completion: Any, total: Any = None, **more: Any) -> dict[str, Any]:
    said = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    return said if total is None else {**said, "total_tokens": total}


def cached(n: int) -> dict[str, Any]:
    return {"prompt_tokens_details": {"cached_tokens": n}}


def reasoning(n: int) -> dict[str, Any]:
    return {"completion_tokens_details": {"reasoning_tokens": n}}


# what is said, traits, (fresh, cached, text, reasoning), flags
ARITHMETIC = [
    ("all inside", chat(100, 50, 150, **cached(40), **reasoning(20)), (), (60, 40, 30, 20), ()),
    ("outside by the total", chat(468, 82, 870, **reasoning(320)), (), (468, 0, 82, 320), ()),
    ("outside because larger", chat(10, 5, **reasoning(9)), (), (10, 0, 5, 9), ()),
    (
        "counted twice, and larger the second time",
        chat(42, 16, 58, **reasoning(19)),
        (),
        (42, 0, 0, 16),
        ("usage_inconsistent",),
    ),
    (
        "only in the total",
        chat(35, 12, 109),
        ("reasoning_only_in_total",),
        (35, 0, 12, 62),
        (),
    ),
    (
        "outside by the row",
        chat(10, 5, 15, **reasoning(3)),
        ("reasoning_outside_completion",),
        (10, 0, 5, 3),
        (),
    ),
    (
        "inside, odd total",
        chat(10, 5, 99, **reasoning(3)),
        (),
        (10, 0, 2, 3),
        ("usage_inconsistent",),
    ),
    (
        "reasoning on top",
        chat(10, 5, 15, reasoning_tokens=3),
        ("reasoning_tokens_top_level",),
        (10, 0, 2, 3),
        (),
    ),
    (
        "cache on top",
        chat(10, 5, 15, cached_tokens=4),
        ("cached_tokens_top_level",),
        (6, 4, 5, 0),
        (),
    ),
    (
        "hit and miss",
        chat(10, 5, 15, prompt_cache_hit_tokens=7, prompt_cache_miss_tokens=3, **cached(7)),
        ("usage_deepseek_cache",),
        (3, 7, 5, 0),
        (),
    ),
    ("cache outside by the total", chat(7, 5, 173, **cached(161)), (), (7, 161, 5, 0), ()),
    (
        "cache above the prompt",
        chat(7, 5, 12, **cached(161)),
        ("cached_may_exceed_prompt",),
        (0, 7, 5, 0),
        ("usage_inconsistent",),
    ),
    (
        "audio outside",
        chat(9, 248, 632, prompt_tokens_details={"audio_tokens": 375}),
        ("audio_outside_prompt",),
        (384, 0, 248, 0),
        (),
    ),
    ("a negative count", chat(-1, 5), (), (0, 0, 5, 0), ("usage_invalid", "prompt_missing")),
    ("a string", chat(10, "5"), (), (10, 0, 0, 0), ("usage_invalid", "completion_missing")),
    ("a fraction", chat(10, 5.5), (), (10, 0, 0, 0), ("usage_invalid", "completion_missing")),
    ("a whole float", chat(10.0, 5.0, 15.0), (), (10, 0, 5, 0), ()),
    ("absurd", chat(10**18, 5), (), (0, 0, 5, 0), ("usage_invalid", "prompt_missing")),
    (
        "nulls inside",
        chat(
            10,
            5,
            15,
            prompt_tokens_details=None,
            completion_tokens_details={"reasoning_tokens": None},
        ),
        (),
        (10, 0, 5, 0),
        (),
    ),
]


@pytest.mark.parametrize(
    ("said", "traits", "counts", "flags"),
    [row[1:] for row in ARITHMETIC],
    ids=[row[0] for row in ARITHMETIC],
)
def test_chat_counts_become_disjoint(
    said: dict[str, Any], traits: tuple[str, ...], counts: tuple[int, ...], flags: tuple[str, ...]
) -> None:
    usage = read_chat_usage(said, frozenset(traits))
    assert usage is not None
    assert (usage.in_fresh, usage.in_cached, usage.out_text, usage.out_reasoning) == counts
    assert usage.flags == flags


@pytest.mark.parametrize("write", [write_chat_usage, write_gemini_usage])
def test_what_was_cached_is_told_by_what_it_is(write: Callable[[Usage], dict[str, Any]]) -> None:
    usage = Usage(
        in_fresh=10,
        in_cached=9,
        in_audio=8,
        in_image=6,
        out_text=1,
        in_cached_audio=4,
        in_cached_image=3,
    )
    read = read_chat_usage if write is write_chat_usage else read_gemini_usage
    assert read(write(usage)) == usage


@pytest.mark.parametrize(
    "said", [{}, {"prompt_tokens": None}, {"total_tokens": 5}, {"prompt_tokens": -1}]
)
def test_counts_that_say_nothing_are_no_usage(said: dict[str, Any]) -> None:
    assert read_chat_usage(said) is None
    assert read_usage(said) is None


@pytest.mark.parametrize(
    ("said", "micros"),
    [
        ({"cost": 0.00014}, 140),
        ({"cost": "0.00014"}, 140),
        ({"cost": {"total_cost": 0.006}}, 6000),
        ({"estimated_cost": 0.5}, 500_000),
        ({"cost": None, "estimated_cost": 0.5}, 500_000),
        ({"cost_in_usd_ticks": 1_234_560_000}, 123_456),
        ({"cost": -1}, None),
        ({"cost": "free"}, None),
        ({}, None),
    ],
)
def test_what_the_provider_says_it_cost_is_kept_in_micros(
    said: dict[str, Any], micros: int | None
) -> None:
    usage = read_chat_usage({**chat(1, 1), **said})
    assert usage is not None
    assert usage.provider_cost_micros == micros


def test_cache_writes_are_never_billed_twice() -> None:
    said = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_creation_input_tokens": 50,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 20},
    }
    usage = read_usage(said)
    assert usage == Usage(in_fresh=10, in_written_5m=30, in_written_1h=20, out_text=5)
    del said["cache_creation"]
    assert read_usage(said) == Usage(in_fresh=10, in_written_5m=50, out_text=5)


@pytest.mark.parametrize(
    ("short", "long", "written"),
    [
        (0, 0, {"in_written_5m": 50}),
        (30, 0, {"in_written_5m": 50}),
        (0, 20, {"in_written_5m": 30, "in_written_1h": 20}),
        (60, 0, {"in_written_5m": 60}),
    ],
)
def test_cache_writes_that_the_split_leaves_out_are_billed(
    short: int, long: int, written: dict[str, Any]
) -> None:
    said = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_creation_input_tokens": 50,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
    }
    assert read_usage(said) == Usage(in_fresh=10, out_text=5, **written)


def test_a_search_in_a_stream_writes_more_to_the_cache_than_its_start_said() -> None:
    start = {
        "input_tokens": 2254,
        "cache_creation_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    }
    end = {"input_tokens": 2254, "cache_creation_input_tokens": 17_269, "output_tokens": 110}
    usage = read_usage(merged(start, end))
    assert usage == Usage(in_fresh=2254, in_written_5m=17_269, out_text=110)


def test_passes_that_the_top_level_leaves_out_are_counted() -> None:
    one = {"input_tokens": 99_195, "output_tokens": 100}
    two = {"input_tokens": 20, "output_tokens": 7, "cache_read_input_tokens": 3}
    usage = read_usage({"input_tokens": 20, "output_tokens": 7, "iterations": [one, two]})
    assert usage == Usage(in_fresh=99_215, in_cached=3, out_text=107)


def test_usage_of_a_stream_replaces_field_by_field() -> None:
    start = {"input_tokens": 10, "cache_read_input_tokens": 3, "output_tokens": 1}
    end = {"input_tokens": None, "output_tokens": 9}
    assert read_usage(merged(start, end)) == Usage(in_fresh=10, in_cached=3, out_text=9)


COUNTS = st.integers(0, 10**6)
USAGES = st.builds(
    Usage,
    in_fresh=COUNTS,
    in_cached=COUNTS,
    in_written_5m=COUNTS,
    in_written_1h=COUNTS,
    out_text=COUNTS,
    out_reasoning=COUNTS,
)


def test_the_types_of_clients_want_both_counts_of_tools_that_the_provider_runs() -> None:
    written = write_usage(Usage(server_tools={"web_search": 2}))
    counts = {"web_search_requests": 2, "web_fetch_requests": 0}
    assert written["server_tool_use"] == counts
    assert anthropic.types.Usage.model_validate(written).server_tool_use is not None
    assert read_usage(written) == Usage(server_tools={"web_search": 2})


@given(USAGES)
def test_reading_what_was_written_gives_the_same_normal_form(usage: Usage) -> None:
    assert read_usage(write_usage(usage)) == usage
    assert read_chat_usage(write_chat_usage(usage)) == usage


ANYTHING = st.one_of(
    st.none(), st.integers(-5, 10**20), st.floats(), st.text(max_size=3), st.booleans()
)
NAMES = [
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cost",
    "cost_in_usd_ticks",
    "cache_creation",
    "iterations",
    "server_tool_use",
]


DETAILS = ["cached_tokens", "cache_write_tokens", "reasoning_tokens"]


@given(
    st.dictionaries(st.sampled_from(NAMES), ANYTHING),
    st.dictionaries(st.sampled_from(DETAILS), ANYTHING),
)
def test_no_count_is_ever_negative_or_counted_twice(
    said: dict[str, Any], details: dict[str, Any]
) -> None:
    said |= {"prompt_tokens_details": details, "completion_tokens_details": details}
    for usage in (read_chat_usage(said), read_usage(said)):
        if usage is not None:
            assert min(usage.in_fresh, usage.in_cached, usage.out_text, usage.out_reasoning) >= 0
            assert usage.in_cached + usage.in_written <= usage.prompt
            assert usage.out_reasoning <= usage.completion


def test_responses_of_another_format_count_what_the_official_types_want() -> None:
    details = write_responses_usage(Usage(in_fresh=5))["input_tokens_details"]
    assert details["cache_write_tokens"] == 0
    own = write_responses_usage(Usage(in_fresh=5), own=True)["input_tokens_details"]
    assert "cache_write_tokens" not in own
    written = write_responses_usage(Usage(in_written_5m=7))["input_tokens_details"]
    split = {"ttl_12h_tokens": 0, "ttl_30m_tokens": 0, "ttl_5m_tokens": 7}
    assert written["cache_write_tokens_details"] == split


def test_usage_of_a_stream_never_falls_back_to_nothing() -> None:
    counted = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
    nothing = dict.fromkeys(counted, 0)
    assert merged(merged({}, counted), nothing) == counted
    assert merged(merged({}, nothing), counted) == counted
