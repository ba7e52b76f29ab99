"""The texts of a request, with who wrote them."""

from stockyard.core.messages import (
    Document,
    Image,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from stockyard.core.request import Content, Request, Tool
from stockyard.core.scan.segments import Segment, map_segments, unread


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
