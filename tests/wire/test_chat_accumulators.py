"""What OpenAI's own library makes of the streams that are written here."""

import msgspec
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk, ParsedChatCompletionMessage

from stockyard.core.events import Event
from stockyard.core.folding import unfold
from stockyard.core.messages import AnyPart, Image, Message, Text
from stockyard.core.response import Choice, Output
from stockyard.wire.codec import Pen, StreamWriter
from stockyard.wire.formats import FORMATS

CHAT = FORMATS["openai.chat"]
PEN = Pen(id="i", model="m", created=1, wants_usage=False)
PLACE = {"type": "char_location", "cited_text": "a", "document_index": 0}
LINK = {"type": "url_citation", "url": "https://example.com/", "title": "T"}
WEB = {"title": "T", "location": {"web": {"url": "https://example.com/", "domain": "e"}}}


def answer(*parts: AnyPart) -> Output:
    said = Message(role="assistant", parts=parts)
    return Output(id="1", model="m", choices=(Choice(message=said, finish="stop"),))


def accumulated(writer: StreamWriter, events: list[Event]) -> ParsedChatCompletionMessage[object]:
    """What OpenAI's library makes of a stream."""
    stream = writer.write(events) + writer.end()
    state: ChatCompletionStreamState[object] = ChatCompletionStreamState()
    for block in stream.removesuffix(b"data: [DONE]\n\n").split(b"\n\n")[:-1]:
        chunk = msgspec.json.decode(block.removeprefix(b"data: "))
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    return state.get_final_completion().choices[0].message


def test_the_official_accumulator_puts_streamed_citations_together() -> None:
    """It takes a list that comes in pieces only where each entry has an index."""
    text = Text(text="a", citations=(LINK, WEB, PLACE, PLACE))
    pictures = tuple(Image(data="iVBORw0KGgo=", media_type="image/png") for _ in range(2))
    message = accumulated(CHAT.writer(PEN), unfold(answer(text, *pictures), None))
    assert message.annotations is not None
    assert [note.url_citation.title for note in message.annotations] == ["T", "T"]
    assert message.model_extra is not None
    assert len(message.model_extra["images"]) == 2
    assert [PLACE, PLACE] in message.model_extra.values()


@pytest.mark.parametrize("place", [None, 0])
def test_the_official_accumulator_takes_no_place_in_the_text_for_one_in_its_list(
    place: int | None,
) -> None:
    """Files that a model cites in Responses say the one as `index`, files that it made say null."""
    cited = tuple({"type": "file_citation", "file_id": name, "index": place} for name in "ab")
    message = accumulated(CHAT.writer(PEN), unfold(answer(Text(text="a", citations=cited)), None))
    assert message.model_extra is not None
    found = [note for notes in message.model_extra.values() for note in notes]
    assert [note["file_id"] for note in found] == ["a", "b"]


def test_the_official_accumulator_takes_details_of_thinking_that_came_without_numbers() -> None:
    """As OpenRouter sent them once."""
    thoughts = [{"type": "reasoning.text", "text": text} for text in ("Let ", "me")]
    deltas = [{"reasoning_details": [thought]} for thought in thoughts]
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in (*deltas, {"content": "a"})]
    stream = b"".join(b"data: %b\n\n" % msgspec.json.encode(chunk) for chunk in chunks)
    reader = CHAT.reader(traits=frozenset())
    events = reader.feed(stream + b"data: [DONE]\n\n") + reader.end()
    message = accumulated(CHAT.writer(PEN), events)
    assert message.model_extra is not None
    details = message.model_extra["reasoning_details"]
    assert "".join(detail["text"] for detail in details) == "Let me"


def test_the_official_accumulator_is_told_of_log_probabilities_that_are_objects_only() -> None:
    """OpenRouter says one number for all, of some models of Qwen."""
    chunk = {"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": -1.7881393e-06}]}
    reader = CHAT.reader(traits=frozenset())
    events = reader.feed(b"data: %b\n\ndata: [DONE]\n\n" % msgspec.json.encode(chunk))
    assert accumulated(CHAT.writer(PEN), events + reader.end()).content == "a"
