"""Find what ties a request to the provider that holds its state.

Earlier answers, conversations, stored prompts and tools that only a provider can run mean nothing
elsewhere. Such a request goes on unchanged to a provider of this format; for any other it is
refused, because an answer without them would be an answer to another question.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from stockyard.core.meaning import Tie
from stockyard.core.messages import Message, Opaque
from stockyard.core.request import Tool, ToolChoice
from stockyard.wire.openai_responses.parts import FORMAT, remembered

LOST = "previous_response_not_found"
REFUSED = "invalid_request"

TRIGGER = "compaction_trigger"
"""Type of the last input item that requests a summary of all before it."""

_ITEMS = {
    "item_reference": "refers to an item that another provider keeps",
    "compaction": "is a summary that only its provider can read",
    TRIGGER: "asks for a summary, which only the last item may do",
}


def find_tie(
    rest: dict[str, Any],
    previous: str | None,
    messages: Sequence[Message],
    tools: Sequence[Tool],
    choice: ToolChoice | None,
) -> Tie | None:
    """The first thing that keeps the request in this format. `rest`: its fields not yet known."""
    found = (*_state(rest, previous), *_items(messages), *_tools(tools, choice))
    return found[0] if found else None


def _state(rest: dict[str, Any], previous: str | None) -> Iterator[Tie]:
    if previous is not None:
        yield _tie("previous_response_id", "names an answer that another provider keeps", LOST)
    if rest.get("conversation") is not None:
        yield _tie("conversation", "names a conversation that another provider keeps", LOST)
    if rest.get("background") is True:
        yield _tie("background", "asks for an answer to be fetched later")
    if rest.get("prompt") is not None:
        yield _tie("prompt", "names a prompt that another provider keeps")


def _items(messages: Sequence[Message]) -> Iterator[Tie]:
    for message in messages:
        for part in message.parts:
            if isinstance(part, Opaque) and part.format == FORMAT:
                kind = part.value.get("type")
                if isinstance(kind, str) and (reason := _ITEMS.get(kind)) is not None:
                    yield _tie("input", f"has an item of type '{kind}', which {reason}")


def _tools(tools: Sequence[Tool], choice: ToolChoice | None) -> Iterator[Tie]:
    if choice is None or (choice.mode in ("auto", "none") and not _hosted(choice)):
        return
    hosted = next((tool.name for tool in tools if tool.kind == "server"), None)
    if hosted is not None or _hosted(choice):
        name = hosted or "a hosted tool"
        yield _tie("tool_choice", f"may demand '{name}', which only its own provider can run")


def _hosted(choice: ToolChoice) -> bool:
    return bool(remembered(choice.extra).get("hosted"))


def _tie(param: str, reason: str, code: str = REFUSED) -> Tie:
    message = f"The field '{param}' {reason}. Send the call to a provider that speaks Responses."
    return Tie(code=code, message=message, param=param)


SUMMARY_WANTED = _tie("input", "asks for a summary that this provider cannot make")
"""The tie of a request for a summary, until it is translated."""
