"""A citation goes back to clients of its own format; no other format has to make sense of it."""

import msgspec
import pytest

from stockyard.core.folding import fold
from stockyard.core.messages import Message, Text
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.anthropic_messages.codec import MessagesCodec
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS
from stockyard.wire.sources import unwrapped

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


@pytest.mark.parametrize("name", ["openai.chat", "openai.responses", "gemini"])
def test_annotations_of_a_chat_stream_reach_streams_that_can_cite(name: str) -> None:
    note = {"url": "https://example.com/", "title": "T", "start_index": 0, "end_index": 3}
    chunks: list[dict[str, object]] = [
        {"delta": {"content": "Yes."}},
        {"delta": {"annotations": [{"type": "url_citation", "url_citation": note}]}},
        {"delta": {}, "finish_reason": "stop"},
    ]
    reader = FORMATS["openai.chat"].reader(traits=frozenset())
    events = [
        event
        for chunk in chunks
        for event in reader.feed(
            b"data: " + msgspec.json.encode({"choices": [{"index": 0, **chunk}]}) + b"\n\n"
        )
    ]
    events += reader.end()
    pen = Pen(id="i", model="m", created=1, wants_usage=False)
    writer, again = FORMATS[name].writer(pen), FORMATS[name].reader(traits=frozenset())
    stream = writer.write(events) + writer.end()
    output, _ = fold([*again.feed(stream), *again.end()])
    [text] = output.choices[0].message.parts
    assert isinstance(text, Text)
    assert [unwrapped(citation) for citation in text.citations] in (
        [note],
        [{"type": "url_citation", **note}],
    )


def test_annotations_that_are_no_citations_stay_where_they_are() -> None:
    said = {"role": "assistant", "content": "Yes.", "annotations": [{"type": "odd"}]}
    body = {"id": "1", "choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
    codec = FORMATS["openai.chat"]
    output = codec.decode_response(msgspec.json.encode(body), traits=frozenset())
    assert isinstance(output, Output)
    pen = Pen(id="i", model="m", created=1, wants_usage=False)
    written = msgspec.json.decode(codec.encode_response(Response(output), pen))
    assert written["choices"][0]["message"]["annotations"] == [{"type": "odd"}]
