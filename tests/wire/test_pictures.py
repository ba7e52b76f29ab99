"""Pictures in answers: a model that draws is heard in the formats that have a place for them."""

import json
from typing import Any

import pytest

from stockyard.core.events import Event
from stockyard.core.folding import fold
from stockyard.core.messages import Image
from stockyard.core.response import Output, Response
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS

CHAT, RESPONSES, GEMINI = FORMATS["openai.chat"], FORMATS["openai.responses"], FORMATS["gemini"]
NONE: frozenset[str] = frozenset()
PEN = Pen(id="a", model="m", created=1, wants_usage=False)
DATA = "iVBORw0KGgoAAAA="
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}

DRAWN = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "Here."},
                    {"inlineData": {"mimeType": "image/png", "data": DATA}},
                ],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
}


def whole() -> Output:
    output = GEMINI.decode_response(json.dumps(DRAWN).encode(), traits=NONE)
    assert isinstance(output, Output)
    return output


def streamed() -> list[Event]:
    reader = GEMINI.reader(traits=NONE)
    return reader.feed(b"data: " + json.dumps(DRAWN).encode() + b"\r\n\r\n") + reader.end()


def events_of(body: bytes) -> list[dict[str, Any]]:
    lines = [line.removeprefix(b"data: ") for line in body.split(b"\n") if line[:6] == b"data: "]
    return [json.loads(line) for line in lines if line.startswith(b"{")]


def test_a_client_of_chat_finds_them_beside_the_text() -> None:
    said = json.loads(CHAT.encode_response(Response(whole()), PEN))
    message = said["choices"][0]["message"]
    assert (message["content"], message["images"]) == ("Here.", [PICTURE])

    writer = CHAT.writer(PEN)
    deltas = [
        choice["delta"]
        for chunk in events_of(writer.write(streamed()) + writer.end())
        for choice in chunk["choices"]
    ]
    assert [d["images"] for d in deltas if "images" in d] == [[PICTURE | {"index": 0}]]


def test_a_client_of_responses_finds_a_drawing_as_of_the_tool() -> None:
    said = json.loads(RESPONSES.encode_response(Response(whole()), PEN))
    text, picture = said["output"]
    assert text["content"][0]["text"] == "Here."
    assert (picture["type"], picture["result"]) == ("image_generation_call", DATA)

    writer = RESPONSES.writer(PEN)
    *_, last = events_of(writer.write(streamed()) + writer.end())
    assert last["response"]["output"][1] == picture


@pytest.mark.parametrize("stream", [False, True])
def test_what_routers_of_chat_draw_is_heard_elsewhere(stream: bool) -> None:
    message = {"role": "assistant", "content": "Here.", "images": [PICTURE]}
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    choice["delta" if stream else "message"] = message
    answer = json.dumps({"id": "x", "choices": [choice]}).encode()
    if stream:
        reader = CHAT.reader(traits=NONE)
        output, _ = fold(reader.feed(b"data: " + answer + b"\n\n") + reader.end())
    else:
        read = CHAT.decode_response(answer, traits=NONE)
        assert isinstance(read, Output)
        output = read
    parts = output.choices[0].message.parts
    assert [part.data for part in parts if isinstance(part, Image)] == [DATA]
    again = json.loads(CHAT.encode_response(Response(output), PEN))["choices"][0]["message"]
    assert (again["content"], again["images"]) == ("Here.", [PICTURE])


@pytest.mark.parametrize("images", [None, [], "x", [{"type": "else"}], [None]])
def test_a_field_of_that_name_with_something_else_breaks_nothing(images: Any) -> None:
    choice = {"message": {"role": "assistant", "content": "hi", "images": images}}
    output = CHAT.decode_response(json.dumps({"choices": [choice]}).encode(), traits=NONE)
    assert isinstance(output, Output)
    assert output.choices[0].message.text == "hi"


TOOLS_IMAGE = {
    "type": "image_generation_call",
    "id": "ig_1",
    "status": "completed",
    "revised_prompt": "A cat.",
    "result": DATA,
}
MADE_BY_TOOL = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [TOOLS_IMAGE],
}


def tool_streamed() -> list[Event]:
    begun = {"type": "image_generation_call", "id": "ig_1", "status": "in_progress"}
    told: list[tuple[str, dict[str, Any]]] = [
        ("created", {"response": MADE_BY_TOOL | {"output": []}}),
        ("output_item.added", {"output_index": 0, "item": begun}),
        ("output_item.done", {"output_index": 0, "item": TOOLS_IMAGE}),
        ("completed", {"response": MADE_BY_TOOL}),
    ]
    reader = RESPONSES.reader(traits=NONE)
    stream = b"".join(
        b"data: %b\n\n" % json.dumps({"type": f"response.{kind}", **fields}).encode()
        for kind, fields in told
    )
    return [*reader.feed(stream), *reader.end()]


@pytest.mark.parametrize("name", ["openai.chat", "gemini", "bedrock.converse", "ollama.chat"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_image_made_by_the_tool_of_responses_is_an_image_elsewhere(
    name: str, stream: bool
) -> None:
    target = FORMATS[name]
    if stream:
        writer, reader = target.writer(PEN), target.reader(traits=NONE)
        out = writer.write(tool_streamed()) + writer.end()
        read = fold([*reader.feed(out), *reader.end()])[0]
    else:
        output = RESPONSES.decode_response(json.dumps(MADE_BY_TOOL).encode(), traits=NONE)
        assert isinstance(output, Output)
        body = target.encode_response(Response(output), PEN)
        read_back = target.decode_response(body, traits=NONE)
        assert isinstance(read_back, Output)
        read = read_back
    [image] = read.choices[0].message.parts
    assert isinstance(image, Image)
    assert image.data == DATA


def test_the_item_of_an_image_goes_back_to_clients_of_responses_as_it_came() -> None:
    output = RESPONSES.decode_response(json.dumps(MADE_BY_TOOL).encode(), traits=NONE)
    assert isinstance(output, Output)
    written = json.loads(RESPONSES.encode_response(Response(output), PEN))
    assert written["output"] == [TOOLS_IMAGE]
    writer = RESPONSES.writer(PEN)
    events = events_of(writer.write(tool_streamed()) + writer.end())
    assert [e["item"] for e in events if e["type"] == "response.output_item.done"] == [TOOLS_IMAGE]
