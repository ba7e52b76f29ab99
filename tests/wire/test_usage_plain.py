"""The quick way to read usage says what the thorough way says."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stockyard.wire.anthropic_messages import usage as messages
from stockyard.wire.usage import _odd, _plain, read_chat_usage

counts = st.one_of(
    st.integers(-2, 50), st.none(), st.just(1_000_000_001), st.floats(0, 9), st.text(max_size=2)
)
details = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(
            [
                "cached_tokens",
                "cache_write_tokens",
                "audio_tokens",
                "reasoning_tokens",
                "accepted_prediction_tokens",
            ]
        ),
        counts,
        max_size=3,
    ),
)
objects = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": counts,
        "completion_tokens": counts,
        "total_tokens": counts,
        "prompt_tokens_details": details,
        "completion_tokens_details": details,
        "cost": counts,
    },
)


@given(objects, st.sets(st.sampled_from(["reasoning_outside_completion", "usage_deepseek_cache"])))
def test_the_quick_reading_is_the_thorough_one(said: dict[str, Any], traits: set[str]) -> None:
    plain = _plain(said, frozenset(traits))
    assert plain is None or plain == _odd(said, frozenset(traits))


def test_what_openai_sends_is_read_quickly() -> None:
    said = {
        "prompt_tokens": 9,
        "completion_tokens": 12,
        "total_tokens": 21,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 5,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    assert _plain(said, frozenset()) is not None
    assert _plain(said, frozenset()) == read_chat_usage(said)


messages_objects = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": counts,
        "output_tokens": counts,
        "cache_read_input_tokens": counts,
        "cache_creation_input_tokens": counts,
        "cache_creation": st.none()
        | st.dictionaries(st.sampled_from(["ephemeral_5m_input_tokens"]), counts),
        "service_tier": st.just("standard"),
        "server_tool_use": st.none() | st.dictionaries(st.just("web_search_requests"), counts),
    },
)


@given(messages_objects)
def test_the_quick_reading_of_messages_is_the_thorough_one(said: dict[str, Any]) -> None:
    plain = messages._plain(said)
    assert plain is None or plain == messages._odd(said)


def test_what_anthropic_sends_is_read_quickly() -> None:
    said = {
        "input_tokens": 9,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 12,
        "service_tier": "standard",
    }
    assert messages._plain(said) is not None
    assert messages._plain(said) == messages.read_usage(said)
