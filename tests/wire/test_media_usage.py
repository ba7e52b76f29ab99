"""What speech, transcriptions and images used, in whatever their providers count it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.money import Usage
from stockyard.wire.media_usage import read_media_usage, whole_seconds, write_media_usage

MISTRAL = {
    "prompt_audio_seconds": 3,
    "prompt_tokens": 3,
    "total_tokens": 389,
    "completion_tokens": 11,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 375},
}
EDIT = {
    "input_tokens": 221,
    "input_tokens_details": {"image_tokens": 194, "text_tokens": 27},
    "output_tokens": 415,
    "output_tokens_details": {"image_tokens": 272, "text_tokens": 143},
    "total_tokens": 636,
}


@pytest.mark.parametrize(
    ("said", "units", "usage"),
    [
        (None, {}, None),
        ({}, {}, None),
        ("much", {}, None),
        ({"type": "duration", "seconds": 4}, {}, Usage(units={"second": 4})),
        ({"type": "duration", "seconds": 3.1}, {}, Usage(units={"second": 4})),
        ({"type": "duration", "seconds": -1}, {}, None),
        (None, {"image": 2}, Usage(units={"image": 2})),
        (None, {"image": 0}, None),
        ({"cost_in_usd_ticks": 200000000}, {}, Usage(provider_cost_micros=20000)),
        (
            EDIT,
            {"image": 1},
            Usage(in_fresh=221, in_image=194, out_text=415, out_image=272, units={"image": 1}),
        ),
        (
            {"input_tokens": 37, "input_token_details": {"audio_tokens": 37}, "output_tokens": 12},
            {},
            Usage(in_fresh=37, in_audio=37, out_text=12),
        ),
    ],
)
def test_it_is_read(said: Any, units: dict[str, int], usage: Usage | None) -> None:
    assert read_media_usage(said, frozenset(), **units) == usage


def test_sound_outside_the_prompt_is_added() -> None:
    usage = read_media_usage(MISTRAL, frozenset({"audio_outside_prompt"}))
    assert usage is not None
    assert (usage.prompt, usage.in_audio, usage.completion) == (378, 375, 11)
    assert usage.units == {"second": 3}


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [(3.7, 4), ("3.7", 4), (4, 4), (0, 0), (-2, 0), (None, 0), ("long", 0), (float("inf"), 0),
     (float("nan"), 0), ([], 0)],
)  # fmt: skip
def test_begun_seconds_count(duration: Any, seconds: int) -> None:
    assert whole_seconds(duration) == seconds


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (None, None),
        (Usage(units={"image": 1}), None),
        (Usage(units={"second": 4}), {"type": "duration", "seconds": 4}),
        (
            Usage(in_fresh=221, in_image=194, out_text=415),
            {
                "input_tokens": 221,
                "input_tokens_details": {"text_tokens": 27, "image_tokens": 194},
                "output_tokens": 415,
                "total_tokens": 636,
            },
        ),
    ],
)
def test_it_is_written(usage: Usage | None, said: dict[str, Any] | None) -> None:
    assert write_media_usage(usage) == said


COUNTS = st.integers(0, 10_000)


@given(COUNTS, COUNTS, COUNTS)
def test_what_is_written_is_read_again(text: int, image: int, out: int) -> None:
    usage = Usage(in_fresh=text + image, in_image=image, out_text=out)
    again = read_media_usage(write_media_usage(usage))
    assert again == (usage if usage.total else None)
