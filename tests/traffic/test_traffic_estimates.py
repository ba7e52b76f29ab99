"""Our estimates of tokens, beside what providers really counted."""

from collections.abc import Iterator
from statistics import median

import pytest

from stockyard.core.estimate import answer_tokens
from stockyard.core.folding import unfold
from stockyard.core.messages import Text
from stockyard.core.response import Output
from stockyard.errors import StockyardError
from stockyard.wire.formats import FORMATS
from tests.traffic.recordings import ABSENT, ROOT, Recording, recordings

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)

PROSE = ("openai.chat", "openai.responses", "anthropic.messages")
SHORTEST = 20
"""Of a shorter answer the tokens that mark its end are too large a share."""


def estimated_to_counted(recording: Recording) -> float | None:
    """Our estimate of a whole answer of plain text as a share of the provider's count."""
    codec = FORMATS[recording.format]
    try:
        usage = codec.facts(recording.answer, traits=frozenset()).usage
        output = codec.decode_response(recording.answer, traits=frozenset())
    except StockyardError:
        return None
    if not isinstance(output, Output):
        return None
    parts = [part for choice in output.choices for part in choice.message.parts]
    plain = bool(parts) and all(isinstance(part, Text) for part in parts)
    if usage is None or usage.out_reasoning or usage.completion < SHORTEST or not plain:
        return None
    text, _ = answer_tokens(unfold(output, None))
    return text / usage.completion


def shares() -> Iterator[float]:
    for recording in recordings():
        if recording.format in PROSE and recording.status == 200 and not recording.streamed:
            share = estimated_to_counted(recording)
            if share is not None:
                yield share


def test_prose_is_estimated_as_the_file_says() -> None:
    found = list(shares())
    assert len(found) > 300
    assert 1.0 <= median(found) <= 1.15
    assert sum(0.5 <= share <= 1.5 for share in found) / len(found) >= 0.9
