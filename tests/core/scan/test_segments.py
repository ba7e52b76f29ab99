"""The texts of a request, with who wrote them."""

from stockyard.core.messages import (
    Document,
    Image,
    Message,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from stockyard.core.request import Content, OutputForm, Request, Tool
from stockyard.core.scan.segments import Segment, map_segments, texts_in, unread


def a_request() -> Request:
    messages = (
        Message(role="system", parts=(Text(text="s"),)),
        Message(
            role="user",
            parts=(
                Text(text="u"),
                Text(text="m", origin="memory"),
                Image(url="x"),
                Document(text="d"),
                Document(data="AAAA", media_type="application/pdf"),
                ToolResult(call_id="1", parts=(Text(text="t"), Image(data="A"))),
            ),
        ),
        Message(
            role="assistant",
            parts=(
                Reasoning(text="r"),
                ToolCall(id="1", name="f", arguments='{"a":1}'),
                ToolCall(id="2", name="g", arguments="free", kind="custom"),
            ),
        ),
        Message(role="tool", parts=(Text(text="o"),)),
    )
    tools = (Tool(name="f", description="what f does"), Tool(name="g"))
    return Request(model="m", content=Content(messages=messages, tools=tools))


def test_every_text_comes_with_who_wrote_it() -> None:
    seen: list[tuple[str, Segment]] = []

    def look(text: str, segment: Segment) -> str:
        seen.append((text, segment))
        return text

    request = a_request()
    assert map_segments(request, look) is request
    assert seen == [
        ("s", Segment("system")),
        ("u", Segment("user")),
        ("m", Segment("memory")),
        ("d", Segment("user")),
        ("t", Segment("tool")),
        ("r", Segment("assistant")),
        ('{"a":1}', Segment("assistant", json=True)),
        ("free", Segment("assistant")),
        ("o", Segment("tool")),
        ("what f does", Segment("system")),
    ]


def test_only_what_changed_is_new() -> None:
    request = a_request()
    changed = map_segments(request, lambda text, _: text.replace("o", "0"))
    assert changed.messages[3].text == "0"
    assert changed.messages[0] is request.messages[0]
    assert [t.description for t in changed.content.tools] == ["what f d0es", None]


def test_parts_that_cannot_be_read_are_counted() -> None:
    assert unread(a_request()) == {"image": 2, "file": 1}
    assert unread(Request(model="m", content=Content())) == {}


def test_parts_that_only_one_format_knows_are_read_like_any_other_text() -> None:
    messages = (
        Message(
            role="assistant",
            parts=(
                Opaque(format="f", value={"type": "call", "id": "x", "command": ["a x"]}),
                Opaque(format="f", value={"arguments": "b x"}),
                Reasoning(text="", summary=("c x",)),
            ),
        ),
        Message(
            role="user",
            parts=(
                Document(text="d x", title="e x", extra={"f": {"context": "f x"}}),
                ToolResult(call_id="1", parts=(Opaque(format="f", value={"title": "g x"}),)),
            ),
        ),
    )
    content = Content(
        messages=messages,
        tools=(Tool(name="f", schema={"type": "object", "description": "h x"}),),
        output=OutputForm(kind="json_schema", description="i x", schema={"title": "j x"}),
        extra={"f": {"prediction": {"content": "k x"}, "documents": ["l x"], "user_note": "x"}},
    )
    request = Request(model="m", content=content)
    seen: list[tuple[str, Segment]] = []

    def change(text: str, segment: Segment) -> str:
        seen.append((text, segment))
        return text.replace("x", "y")

    changed = map_segments(request, change)

    assert seen == [
        ("a x", Segment("assistant")),
        ("b x", Segment("assistant", json=True)),
        ("c x", Segment("assistant")),
        ("d x", Segment("user")),
        ("e x", Segment("user")),
        ("f x", Segment("user")),
        ("g x", Segment("tool")),
        ("h x", Segment("system")),
        ("i x", Segment("system")),
        ("j x", Segment("system")),
        ("k x", Segment("assistant")),
        ("l x", Segment("context")),
    ]
    assert texts_in(changed) == [text.replace("x", "y") for text, _ in seen]
    assert changed.content.extra["f"]["user_note"] == "x"
    assert map_segments(request, lambda text, _: text) is request
