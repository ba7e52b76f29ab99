"""What came before an error in the same read is passed on, as bytes and as Events."""

import pytest

from stockyard.core.events import TextDelta
from stockyard.core.exchange import Exchange
from stockyard.core.target import Attempt, Target
from stockyard.errors import UpstreamError
from stockyard.upstream.flow import DecodedFlow, ForwardedFlow
from stockyard.wire.openai_chat.codec import ChatCodec
from tests.builders import an_exchange

TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"before"},"finish_reason":null}]}\n\n'
ERROR = b'data: {"error":{"message":"gone","type":"server_error"}}\n\n'


class Heard:
    """A Sink of both kinds."""

    def __init__(self) -> None:
        self.bytes = b""
        self.texts = ""

    def data(self, piece: bytes) -> None:
        self.bytes += piece

    def events(self, batch: object) -> None:
        assert isinstance(batch, list)
        self.texts += "".join(event.text for event in batch if isinstance(event, TextDelta))

    def done(self) -> None:
        raise AssertionError("an error is no end")

    def failed(self, error: Exception) -> None:
        raise AssertionError("its owner is told, not the sink")


def forwarded(x: Exchange) -> ForwardedFlow:
    codec = ChatCodec()
    attempt = Attempt(target=Target("openai", "gpt-4o"), started_us=0)
    look = codec.look(traits=frozenset(), keep_usage=True, native=False)
    return ForwardedFlow(x, look, codec, native=False, attempt=attempt)


def test_bytes_before_an_error_go_on() -> None:
    heard, flow = Heard(), forwarded(an_exchange())
    flow.feed(TEXT)
    flow.taken(heard)
    with pytest.raises(UpstreamError, match="gone"):
        flow.feed(TEXT + ERROR)
    assert heard.bytes == TEXT + TEXT


def test_events_before_an_error_go_on() -> None:
    heard, flow = Heard(), DecodedFlow(an_exchange(), ChatCodec().reader(traits=frozenset()))
    flow.feed(TEXT)
    flow.taken(heard)
    with pytest.raises(UpstreamError, match="gone"):
        flow.feed(TEXT + ERROR)
    assert heard.texts == "beforebefore"
