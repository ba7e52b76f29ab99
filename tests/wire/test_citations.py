"""A citation goes back to clients of its own format; no other format has to make sense of it."""

import msgspec
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from stockyard.core.folding import unfold
from stockyard.core.messages import Image, Message, Text
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.anthropic_messages.codec import MessagesCodec
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS

OURS = {"type": "char_location", "cited_text": "a", "document_index": 0}
FOREIGN = {"type": "url_citation", "url": "https://example.com/", "title": "T"}


@pytest.mark.parametrize(
    ("given", "written"),
    [((OURS,), [OURS]), ((FOREIGN, OURS), [OURS]), ((FOREIGN,), None), (("odd",), None)],
)
def test_messages_answers_have_their_own_citations_only(
    given: tuple[object, ...], written: object
) -> None:
    message = Message(role="assistant", parts=(Text(text="a", citations=given),))
    answer = Response(Output(model="m", choices=(Choice(message=message, finish="stop"),)))
    pen = Pen(id="i", model="m", created=1, wants_usage=False)
    body = MessagesCodec().encode_response(answer, pen)
    assert msgspec.json.decode(body)["content"][0].get("citations") == written


WEB = {"title": "T", "location": {"web": {"url": "https://example.com/", "domain": "e"}}}
FOUND = {
    "type": "search_result_location",
    "source": "https://example.com/",
    "title": "T",
    "cited_text": "a",
}
NOWHERE = {"location": {"documentPage": {"start": 1}}, "source": "facts.txt", "title": "T"}


@pytest.mark.parametrize(
    ("citation", "link"),
    [
        (FOREIGN, ("https://example.com/", "T")),
        (WEB, ("https://example.com/", "T")),
        (FOUND, ("https://example.com/", "T")),
        ({"url": "https://example.com/"}, ("https://example.com/", "https://example.com/")),
        (NOWHERE, None),
        ({"url": 5, "location": "x"}, None),
        ("odd", None),
    ],
)
def test_a_source_with_an_address_is_linked_to(citation: object, link: object) -> None:
    message = Message(role="assistant", parts=(Text(text="a", citations=(citation,)),))
    answer = Response(Output(model="m", choices=(Choice(message=message, finish="stop"),)))
    pen = Pen(id="i", model="m", created=1, wants_usage=False)
    chat = msgspec.json.decode(FORMATS["openai.chat"].encode_response(answer, pen))
    notes = chat["choices"][0]["message"].get("annotations") or []
    assert [(n["url_citation"]["url"], n["url_citation"]["title"]) for n in notes] == (
        [link] if link else []
    )
    responses = msgspec.json.decode(FORMATS["openai.responses"].encode_response(answer, pen))
    noted = responses["output"][0]["content"][0]["annotations"]
    assert [(n["url"], n["title"]) for n in noted] == ([link] if link else [])


def test_the_official_accumulator_puts_streamed_citations_together() -> None:
    """It takes a list that comes in pieces only where each entry has an index."""
    chat = FORMATS["openai.chat"]
    text = Text(text="a", citations=(FOREIGN, WEB, OURS, OURS))
    pictures = tuple(Image(data="iVBORw0KGgo=", media_type="image/png") for _ in range(2))
    said = Message(role="assistant", parts=(text, *pictures))
    answer = Output(id="1", model="m", choices=(Choice(message=said, finish="stop"),))
    writer = chat.writer(Pen(id="i", model="m", created=1, wants_usage=False))
    stream = writer.write(unfold(answer, None)) + writer.end()
    state: ChatCompletionStreamState[object] = ChatCompletionStreamState()
    for block in stream.removesuffix(b"data: [DONE]\n\n").split(b"\n\n")[:-1]:
        chunk = msgspec.json.decode(block.removeprefix(b"data: "))
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    message = state.get_final_completion().choices[0].message
    assert message.annotations is not None
    assert [note.url_citation.title for note in message.annotations] == ["T", "T"]
    assert message.model_extra is not None
    assert len(message.model_extra["images"]) == 2
    assert [OURS, OURS] in message.model_extra.values()
