"""What a recorded stream says, put together without the gateway's readers.

Text, calls of functions and the finish of every choice: what no reader may get wrong. Thinking,
citations and the rest are compared by other tests.
"""

import base64
import json
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from stockyard.core.messages import ToolCall
from stockyard.core.response import Output

_DATA = re.compile(rb"^data: ?(\{.*\})\r?$", re.MULTILINE)

FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "STOP": "stop",
    "COMPLETE": "stop",
    "max_tokens": "length",
    "MAX_TOKENS": "length",
    "max_output_tokens": "length",
    "tool_use": "tool_calls",
    "TOOL_CALL": "tool_calls",
    "function_call": "tool_calls",
    "guardrail_intervened": "content_filter",
    "refusal": "content_filter",
}
"""Words of the formats for the four ends there are; the others are the same."""


@dataclass
class Choice:
    """One answer in the making."""

    text: str = ""
    calls: dict[Any, list[str]] = field(default_factory=dict)
    finish: str | None = None

    def call(self, key: object, *, name: str = "", arguments: str = "") -> None:
        called = self.calls.setdefault(key, ["", ""])
        called[0] += name
        called[1] += arguments


def told(body: bytes, format_name: str) -> list[dict[str, Any]] | None:
    """The choices of a stream; None for a format that is not known here."""
    known = _FORMATS.get(format_name)
    if known is None:
        return None
    pieces, add = known
    choices: dict[int, Choice] = {}
    for piece in pieces(body):
        add(choices, piece)
    return [
        {
            "text": choice.text,
            "calls": [[name, plain(arguments)] for name, arguments in choice.calls.values()],
            "finish": "tool_calls" if choice.calls and choice.finish == "STOP" else _end(choice),
        }
        for _, choice in sorted(choices.items())
    ]


def said(output: Output) -> list[dict[str, Any]]:
    """An answer in the same words."""
    return [
        {
            "text": choice.message.text,
            "calls": [
                [part.name, plain(part.arguments)]
                for part in choice.message.parts
                if isinstance(part, ToolCall) and part.kind == "function"
            ],
            "finish": choice.finish,
        }
        for choice in output.choices
    ]


def plain(arguments: str) -> Any:
    """Arguments as they mean; no arguments are the same as an empty object."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


def _end(choice: Choice) -> str | None:
    return FINISHES.get(choice.finish or "", choice.finish)


Choices = dict[int, Choice]


def _of(choices: Choices, index: int = 0) -> Choice:
    return choices.setdefault(index, Choice())


# From bytes to the objects in them.


def _events(body: bytes) -> Iterator[Any]:
    return (json.loads(found[1]) for found in _DATA.finditer(body))


def _lines(body: bytes) -> Iterator[Any]:
    return (json.loads(line) for line in body.splitlines() if line.strip())


def _frames(body: bytes) -> Iterator[Any]:
    """AWS frames: lengths, headers, payload, check sum. The type stands in a header."""
    at = 0
    while at < len(body):
        total, headers = struct.unpack_from(">II", body, at)
        block = body[at + 12 : at + 12 + headers]
        kind = re.search(rb"\x0b:event-type\x07..([a-zA-Z-]+)", block, re.DOTALL)
        payload = json.loads(body[at + 12 + headers : at + total - 4] or b"{}")
        yield {kind[1].decode(): payload} if kind else payload
        at += total


def _wrapped(body: bytes) -> Iterator[Any]:
    """Messages inside AWS frames."""
    chunks = (frame["chunk"] for frame in _frames(body) if "chunk" in frame)
    return (json.loads(base64.b64decode(chunk["bytes"])) for chunk in chunks)


# From objects to choices.


def _chat(choices: Choices, chunk: Any) -> None:
    for choice in chunk.get("choices") or ():
        one, delta = _of(choices, choice.get("index") or 0), choice.get("delta") or {}
        content = choice.get("text") or delta.get("content") or ""
        if isinstance(content, list):
            content = "".join(part.get("text") or "" for part in content)
        one.text += content
        for position, call in enumerate(delta.get("tool_calls") or ()):
            function = call.get("function") or {}
            one.call(
                call.get("index", position),
                name=function.get("name") or "",
                arguments=function.get("arguments") or "",
            )
        function = delta.get("function_call") or {}
        if function:
            one.call(0, name=function.get("name") or "", arguments=function.get("arguments") or "")
        one.finish = choice.get("finish_reason") or one.finish


def _messages(choices: Choices, event: Any) -> None:
    one, block, delta = _of(choices), event.get("content_block") or {}, event.get("delta") or {}
    if block.get("type") == "text":
        one.text += block["text"]
    elif block.get("type") == "tool_use":
        whole = json.dumps(block["input"]) if block["input"] else ""
        one.call(event["index"], name=block["name"], arguments=whole)
    if delta.get("type") == "text_delta":
        one.text += delta["text"]
    elif delta.get("type") == "input_json_delta" and event["index"] in one.calls:
        one.call(event["index"], arguments=delta["partial_json"])
    one.finish = delta.get("stop_reason") or one.finish


def _responses(choices: Choices, event: Any) -> None:
    one, item = _of(choices), event.get("item") or {}
    if event["type"] == "response.output_item.done" and item["type"] == "message":
        one.text += "".join(p.get("text") or "" for p in item["content"])
    elif event["type"] == "response.output_item.done" and item["type"] == "function_call":
        one.call(item["call_id"], name=item["name"], arguments=item["arguments"])
    elif event["type"] == "response.completed":
        one.finish = "tool_calls" if one.calls else "stop"
    elif event["type"] == "response.incomplete":
        details = event["response"].get("incomplete_details") or {}
        one.finish = details.get("reason") or "incomplete"


def _gemini(choices: Choices, answer: Any) -> None:
    for candidate in answer.get("candidates") or ():
        one = _of(choices, candidate.get("index") or 0)
        for part in (candidate.get("content") or {}).get("parts") or ():
            if not part.get("thought"):
                one.text += part.get("text") or ""
            if "functionCall" in part:
                call = part["functionCall"]
                arguments = json.dumps(call.get("args") or {})
                one.call(len(one.calls), name=call.get("name") or "", arguments=arguments)
        one.finish = candidate.get("finishReason") or one.finish


def _cohere(choices: Choices, event: Any) -> None:
    one, delta = _of(choices), event.get("delta") or {}
    message = delta.get("message") or {}
    if event["type"] in ("content-start", "content-delta"):
        one.text += message["content"].get("text") or ""
    elif event["type"] in ("tool-call-start", "tool-call-delta"):
        function = message["tool_calls"].get("function") or {}
        one.call(
            event["index"], name=function.get("name") or "", arguments=function["arguments"] or ""
        )
    one.finish = delta.get("finish_reason") or one.finish


def _ollama(choices: Choices, line: Any) -> None:
    one, message = _of(choices), line.get("message") or {}
    one.text += message.get("content") or ""
    for call in message.get("tool_calls") or ():
        function = call["function"]
        one.call(len(one.calls), name=function["name"], arguments=json.dumps(function["arguments"]))
    one.finish = line.get("done_reason") or one.finish
    if one.calls and one.finish == "stop":
        one.finish = "tool_calls"


def _converse(choices: Choices, event: Any) -> None:
    one = _of(choices)
    for kind, said_of_it in event.items():
        index = said_of_it.get("contentBlockIndex")
        if kind == "contentBlockStart" and "toolUse" in (said_of_it.get("start") or {}):
            # Of another type, the provider runs it itself.
            if said_of_it["start"]["toolUse"].get("type", "tool_use") == "tool_use":
                one.call(index, name=said_of_it["start"]["toolUse"]["name"])
        elif kind == "contentBlockDelta":
            one.text += said_of_it["delta"].get("text") or ""
            if "toolUse" in said_of_it["delta"] and index in one.calls:
                one.call(index, arguments=said_of_it["delta"]["toolUse"].get("input") or "")
        elif kind == "messageStop":
            one.finish = said_of_it["stopReason"]


_Format = tuple[Callable[[bytes], Iterator[Any]], Callable[[Choices, Any], None]]
_FORMATS: dict[str, _Format] = {
    "openai.chat": (_events, _chat),
    "openai.completions": (_events, _chat),
    "openai.responses": (_events, _responses),
    "anthropic.messages": (_events, _messages),
    "gemini": (_events, _gemini),
    "cohere.chat": (_events, _cohere),
    "ollama.chat": (_lines, _ollama),
    "bedrock.converse": (_frames, _converse),
    "bedrock.invoke": (_wrapped, _messages),
}
