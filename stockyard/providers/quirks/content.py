"""Quirks of turns and their content."""

from collections.abc import Callable
from typing import Any

from stockyard.providers.quirks.quirk import (
    Body,
    Change,
    Message,
    ModelTraits,
    with_messages,
    without,
)


def strict_alternation(body: Body, model: ModelTraits) -> Change:
    """Perplexity: after the system message, user and assistant take turns, user first and last."""
    messages = body.get("messages") or []
    system = [m for m in messages if m.get("role") in ("system", "developer")]
    turns: list[Message] = []
    for message in messages:
        role = message.get("role")
        if role in ("system", "developer"):
            continue
        # There are no tools either: their results become user text.
        message = without(message, "tool_calls", "tool_call_id")
        if role == "assistant" and not message.get("content"):
            continue
        if role != "assistant":
            message = message | {"role": "user"}
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1] = turns[-1] | {"content": _joined(turns[-1], message)}
        else:
            turns.append(message)
    if turns and turns[0]["role"] == "assistant":
        turns.insert(0, _CONTINUE)
    if turns and turns[-1]["role"] == "assistant":
        turns.append(_CONTINUE)
    ordered = [*system, *turns]
    return Change(body) if ordered == messages else Change(body | {"messages": ordered})


_CONTINUE = {"role": "user", "content": "Continue."}


def content_string(body: Body, model: ModelTraits) -> Change:
    """The provider takes nothing but text: lists become strings, other parts are left out."""
    lost = False

    def change(message: Message) -> Message:
        nonlocal lost
        if not isinstance(message.get("content"), list):
            return message
        lost = lost or not _only_text(message)
        return message | {"content": _text(message)}

    changed = with_messages(body, change)
    return Change(changed, ("messages.content",) if lost else ())


def text_content_string(body: Body, model: ModelTraits) -> Change:
    """Lists of text parts become strings; lists with images stay lists."""

    def change(message: Message) -> Message:
        return message | {"content": _text(message)} if _only_text(message) else message

    return Change(with_messages(body, change))


def tool_content_string(body: Body, model: ModelTraits) -> Change:
    """As `text_content_string`, for what tools returned."""

    def change(message: Message) -> Message:
        if message.get("role") != "tool" or not _only_text(message):
            return message
        return message | {"content": _text(message)}

    return Change(with_messages(body, change))


def no_empty_text(body: Body, model: ModelTraits) -> Change:
    """Claude behind Databricks and Bedrock: a text must not be empty."""

    def change(message: Message) -> Message:
        content = message.get("content")
        if isinstance(content, list):
            content = [p for p in content if p.get("type") != "text" or p.get("text")]
        if content:
            return message if content == message["content"] else message | {"content": content}
        if message.get("tool_calls"):
            return message if message.get("content") is None else message | {"content": None}
        return message | {"content": "(empty)"}

    return Change(with_messages(body, change))


def system_for_developer(body: Body, model: ModelTraits) -> Change:
    """`developer` is a newer name of the same role, which few providers know."""

    def change(message: Message) -> Message:
        return message | {"role": "system"} if message.get("role") == "developer" else message

    return Change(with_messages(body, change))


def name_on_tools_only(body: Body, model: ModelTraits) -> Change:
    """Mistral: only what a tool returned may have a name."""

    def change(message: Message) -> Message:
        return message if message.get("role") == "tool" else without(message, "name")

    changed = with_messages(body, change)
    return Change(changed, () if changed is body else ("messages.name",))


def document_url(body: Body, model: ModelTraits) -> Change:
    """Mistral has a word of its own for documents, and says the id of a kept file beside it."""

    def change(part: Body) -> Body:
        file = part.get("file")
        if part.get("type") != "file" or not isinstance(file, dict):
            return part
        if file.get("file_id"):
            return {"type": "file", "file_id": file["file_id"]}
        data = file.get("file_data")
        if not isinstance(data, str):
            return part
        url = data if data.startswith(("data:", "http")) else f"data:application/pdf;base64,{data}"
        name = {"document_name": file["filename"]} if file.get("filename") else {}
        return {"type": "document_url", "document_url": url, **name}

    return Change(with_messages(body, lambda message: _with_parts(message, change)))


def prefill_prefix(body: Body, model: ModelTraits) -> Change:
    """Mistral: the beginning of the answer, which the caller gives, is marked as such."""
    messages = body.get("messages") or [{}]
    last = messages[-1]
    if last.get("role") != "assistant" or last.get("tool_calls") or "prefix" in last:
        return Change(body)
    return Change(body | {"messages": [*messages[:-1], last | {"prefix": True}]})


def no_bare_assistant(body: Body, model: ModelTraits) -> Change:
    """Mistral, and Claude at Databricks: an assistant's turn that says nothing and calls nothing is
    refused."""
    messages = body.get("messages") or []
    kept = [m for m in messages if m.get("role") != "assistant" or m.get("content") or _calls(m)]
    return Change(body) if len(kept) == len(messages) else Change(body | {"messages": kept})


def _calls(message: Message) -> bool:
    return bool(message.get("tool_calls") or message.get("function_call"))


def tool_messages_one_turn(body: Body, model: ModelTraits) -> Change:
    """Databricks: Claude wants what tools returned directly behind the turn that called them."""
    messages = body.get("messages") or []
    results = {m.get("tool_call_id"): m for m in messages if m.get("role") == "tool"}
    called = {call.get("id") for m in messages for call in m.get("tool_calls") or ()}
    ordered: list[Message] = []
    for message in messages:
        if message.get("role") == "tool" and message.get("tool_call_id") in called:
            continue
        ordered.append(message)
        ids = [call.get("id") for call in message.get("tool_calls") or ()]
        ordered += [results[id_] for id_ in ids if id_ in results]
    return Change(body) if ordered == messages else Change(body | {"messages": ordered})


def audio_data_uri(body: Body, model: ModelTraits) -> Change:
    """DashScope takes audio as a data URI."""

    def change(part: Body) -> Body:
        audio = part.get("input_audio") or {}
        data = audio.get("data") or ""
        if not data or data.startswith(("data:", "http")):
            return part
        return part | {"input_audio": audio | {"data": f"data:;base64,{data}"}}

    return Change(with_messages(body, lambda message: _with_parts(message, change)))


def _with_parts(message: Message, change: Callable[[Body], Body]) -> Message:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return message | {"content": [change(part) for part in content]}


def _only_text(message: Message) -> bool:
    content = message.get("content")
    return isinstance(content, list) and all(part.get("type") == "text" for part in content)


def _text(message: Message) -> str:
    content = message.get("content")
    if not isinstance(content, list):
        return content or ""
    return "\n".join(p.get("text") or "" for p in content if p.get("type") == "text")


def _joined(first: Message, second: Message) -> Any:
    contents = (first.get("content"), second.get("content"))
    if any(isinstance(content, list) for content in contents):
        return [part for content in contents for part in _parts(content)]
    return "\n\n".join(content for content in contents if content)


def _parts(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []
