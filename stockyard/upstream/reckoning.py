"""Estimate the usage of a call whose provider did not report it, or could not finish.

Some providers never report usage in streams, and a caller who disconnects before the report would
otherwise pay nothing for what it read (`streaming.md` S23, S38). Estimates are made after the
answer, and only if the report is missing: the first bytes of a stream are kept for that and decoded
once.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from stockyard.core.counting import CountOutput
from stockyard.core.embeddings import EmbeddingsContent
from stockyard.core.estimate import answer_tokens, prompt_tokens, tokens_in
from stockyard.core.events import Event, Started, UsageSeen
from stockyard.core.exchange import Exchange
from stockyard.core.folding import unfold
from stockyard.core.money import Usage
from stockyard.core.response import Response
from stockyard.core.speech import SpeechContent
from stockyard.errors import StockyardError
from stockyard.wire.codec import Codec, Traits

SAMPLE_BYTES = 16 * 1024
"""How much of a stream is kept, to extrapolate from. A shorter one is decoded completely."""
SPOKEN_TOKENS = 14
"""Audio tokens for ten characters of text: a minute is 900 characters and 1,250 tokens."""
COUNTED = frozenset({"chat", "completions"})
"""Kinds of call that are billed by the tokens of their texts."""
MISSING = frozenset({"usage_invalid", "prompt_missing", "completion_missing"})
"""Flags of usage that is missing or implausible."""


def is_missing(usage: Usage | None) -> bool:
    """Whether the provider's usage is missing or implausible."""
    return usage is None or not MISSING.isdisjoint(usage.flags)


def _counts(usage: Usage | None) -> bool:
    """Whether the usage contains anything to be billed."""
    if usage is None:
        return False
    return bool(usage.total or usage.units) or usage.provider_cost_micros is not None


def told_in(events: Sequence[Event]) -> Usage | None:
    """The last usage in these Events."""
    for event in reversed(events):
        if isinstance(event, UsageSeen | Started) and event.usage is not None:
            return event.usage
    return None


def usage_of_whole(x: Exchange, response: Response) -> Usage | None:
    """Usage of a whole answer that does not report it; None if it cannot be estimated."""
    if x.kind not in COUNTED:
        reported = response.usage
        return reported if _counts(reported) else _by_the_piece(x) or reported
    try:
        events = unfold(response.output, None)
    except StockyardError:
        return response.usage
    return _completed(response.usage, _reckoned(x, events, 1.0))


def usage_of_stream(
    x: Exchange,
    reported: Usage | None,
    codec: Codec,
    traits: Traits,
    sample: list[bytes],
    size: int,
) -> Usage | None:
    """Usage of `size` bytes of a stream, of which `sample` is the beginning."""
    if x.kind not in COUNTED:
        return reported or _by_the_piece(x)
    sampled = sum(map(len, sample))
    share = size / sampled if sampled else 1.0
    return _completed(reported, _reckoned(x, _events_in(codec, traits, sample), share))


def usage_of_nothing(x: Exchange) -> Usage | None:
    """Usage of a call whose answer is unknown: that of its input."""
    return _reckoned(x, (), 1.0) if x.kind in COUNTED else _by_the_piece(x)


def usage_of_unread(x: Exchange, reported: Usage | None) -> Usage | None:
    """Usage of an answer that was relayed undecoded. `reported`: by the end of the answer."""
    if reported is None:
        return usage_of_nothing(x)
    pieces = _by_the_piece(x) if x.kind == "images" and not reported.units else None
    return replace(reported, units=pieces.units) if pieces else reported


def reckoned_count(x: Exchange) -> Response:
    """An estimate, marked as one, as the answer to a token count that the provider cannot make."""
    x.tell("X-Stockyard-Estimated", "true")
    model = x.target.model if x.target is not None else x.request.model
    tokens = prompt_tokens(x.request.content)
    return Response(CountOutput(model=model, tokens=tokens), usage=Usage())


def _by_the_piece(x: Exchange) -> Usage | None:
    """Usage according to the request alone: texts to embed or speak, seconds of audio, images."""
    try:
        content = x.request.meaning
    except StockyardError:
        return None
    if isinstance(content, EmbeddingsContent):
        tokens = sum(map(tokens_in, content.texts())) + content.tokens
        return Usage(in_fresh=tokens, source="estimated")
    units = content.units()
    if isinstance(content, SpeechContent):
        # Sold by the character or by the token, and sound has more of those than its text.
        spoken = units.get("character", 0) * SPOKEN_TOKENS // 10
        tokens = sum(map(tokens_in, content.texts()))
        return Usage(
            in_fresh=tokens, out_text=spoken, out_audio=spoken, units=units, source="estimated"
        )
    return Usage(units=units, source="estimated") if units else None


def _reckoned(x: Exchange, events: Iterable[Event], share: float) -> Usage:
    text, reasoning = answer_tokens(events)
    return Usage(
        in_fresh=prompt_of(x),
        out_text=int(text * share),
        out_reasoning=int(reasoning * share),
        source="estimated",
    )


def prompt_of(x: Exchange) -> int:
    """Estimated tokens of the prompt."""
    try:
        return prompt_tokens(x.request.content)
    except StockyardError:
        # The provider can decode the request and we cannot.
        return tokens_in(x.inbound.body.decode("utf-8", "replace"))


def _events_in(codec: Codec, traits: Traits, sample: Iterable[bytes]) -> list[Event]:
    reader = codec.reader(traits=traits)
    events: list[Event] = []
    try:
        for piece in sample:
            events += reader.feed(piece)
    except StockyardError:
        events += reader.before_error
    return events


def _completed(reported: Usage | None, reckoned: Usage) -> Usage:
    """The reported usage, completed by our estimate: for the answer, the larger figure counts."""
    if reported is None:
        return reckoned
    changes: dict[str, int] = {}
    if not reported.prompt:
        changes["in_fresh"] = reckoned.in_fresh
    # A provider that counted the answer and not the prompt counted it to its end.
    counted = reported.completion and "prompt_missing" in reported.flags
    if reported.completion < reckoned.completion and not counted:
        changes |= {"out_text": reckoned.out_text, "out_reasoning": reckoned.out_reasoning}
    return replace(reported, source="mixed", **changes) if changes else reported
