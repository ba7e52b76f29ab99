"""Quirks of Claude at cloud providers: what moves from head and path into the body, and known
betas."""

from stockyard.providers.quirks.quirk import Body, Change, Message, ModelTraits, without

VERTEX_VERSION = "vertex-2023-10-16"
BETAS = "anthropic_beta"
BETAS_FIELD = b"anthropic-beta"

KNOWN_BETAS = frozenset(
    {
        "computer-use-2025-01-24",
        "computer-use-2025-11-24",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
        "fine-grained-tool-streaming-2025-05-14",
        "interleaved-thinking-2025-05-14",
        "token-efficient-tools-2025-02-19",
        "tool-search-tool-2025-10-19",
        "web-search-2025-03-05",
    }
)
"""What the clouds are known to take. Any other name makes them refuse the whole call."""


def with_betas(body: Body, field: str) -> Body:
    """The body with what the caller's header field asks for."""
    given = body.get(BETAS)
    names = list(given) if isinstance(given, list) else []
    names += (name.strip() for name in field.split(",") if name.strip())
    return body | {BETAS: list(dict.fromkeys(names))}


def vertex_raw_predict(body: Body, model: ModelTraits) -> Change:
    """Vertex: the path names the model, the body the version (`wire.md` 4.6)."""
    return Change({"anthropic_version": VERTEX_VERSION} | without(body, "model"))


def beta_allow_list(body: Body, model: ModelTraits) -> Change:
    """The clouds lag behind Anthropic's own API."""
    given = body.get(BETAS)
    if not isinstance(given, list):
        return Change(body)
    kept = [name for name in given if isinstance(name, str) and name in KNOWN_BETAS]
    lost = tuple(f"{BETAS}:{name}" for name in given if name not in kept)
    if not lost:
        return Change(body)
    return Change(body | {BETAS: kept} if kept else without(body, BETAS), lost)


def system_turns_folded(body: Body, model: ModelTraits) -> Change:
    """The clouds know no turn of the system in the middle (`wire.md` 5.2): the next turn of the
    user has it, after the results of tools, which must come first."""
    given = body.get("messages") or []
    if not any(message.get("role") == "system" for message in given):
        return Change(body)
    turns: list[Message] = []
    notes: list[Body] = []
    for message in given:
        if message.get("role") == "system":
            notes += _marked(message.get("content"))
        elif notes and message.get("role") == "user":
            blocks = _blocks(message.get("content"))
            at = sum(block.get("type") == "tool_result" for block in blocks)
            turns.append(message | {"content": [*blocks[:at], *notes, *blocks[at:]]})
            notes = []
        else:
            turns.append(message)
    if notes:
        turns.append({"role": "user", "content": notes})
    return Change(body | {"messages": turns})


def _marked(content: str | list[Body] | None) -> list[Body]:
    return [
        block | {"text": f"<system>\n{block['text']}\n</system>"} if block.get("text") else block
        for block in _blocks(content)
    ]


def _blocks(content: str | list[Body] | None) -> list[Body]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []
