"""Quirks of reasoning models: what they require, and what they refuse while thinking."""

from stockyard.providers.quirks.quirk import (
    Body,
    Change,
    Message,
    ModelTraits,
    Quirk,
    with_messages,
    without,
)
from stockyard.wire.efforts import BUDGETS
from stockyard.wire.openai_responses.reasoning import ENVELOPE


def reasoning_drops(fields: str) -> Quirk:
    """Reasoning models of the provider refuse these fields; its other models take them."""
    names = tuple(fields.split(","))

    def change(body: Body, model: ModelTraits) -> Change:
        found = tuple(name for name in names if name in body)
        if not found or "reasoning" not in model:
            return Change(body)
        return Change(without(body, *found), found)

    return Quirk(names, change)


def reasoning_temperature_1(body: Body, model: ModelTraits) -> Change:
    """Moonshot: reasoning models take temperature 1 only."""
    if "reasoning" not in model or body.get("temperature") in (None, 1):
        return Change(body)
    return Change(body | {"temperature": 1}, ("temperature",))


def n_needs_temperature(body: Body, model: ModelTraits) -> Change:
    """Moonshot: several answers need a temperature of at least 0.3."""
    temperature = body.get("temperature")
    if (body.get("n") or 1) <= 1 or temperature is None or temperature >= 0.3:
        return Change(body)
    return Change(body | {"temperature": 0.3}, ("temperature",))


def reasoning_content_back(body: Body, model: ModelTraits) -> Change:
    """DeepSeek, Moonshot, Z.AI: thinking before a tool call must come back as they name it. Where
    it was lost, or another model made the call, a blank passes, and nothing less does."""
    unknown = _UNKNOWN_THOUGHT if _thinks(body, model) else ""

    def change(message: Message) -> Message:
        if not message.get("tool_calls") or message.get("reasoning_content"):
            return message
        details = message.get("reasoning_details") or ()
        text = message.get("reasoning") or "".join(d.get("text") or "" for d in details) or unknown
        if not text:
            return message
        return without(message, "reasoning", "reasoning_details") | {"reasoning_content": text}

    return Change(with_messages(body, change))


_UNKNOWN_THOUGHT = " "


def _thinks(body: Body, model: ModelTraits) -> bool:
    """Whether the model thinks before it answers this request."""
    switch, effort = (body.get("thinking") or {}).get("type"), body.get("reasoning_effort")
    if switch == "disabled" or effort == "none":
        return False
    return "reasoning" in model or switch is not None or effort is not None


def no_reasoning_back(body: Body, model: ModelTraits) -> Change:
    """Mistral has thinking in its content; the fields that others and we have for it are not known
    there."""

    def change(message: Message) -> Message:
        return without(message, "reasoning_content", "reasoning", "reasoning_details")

    changed = with_messages(body, change)
    return Change(changed, () if changed is body else ("messages.reasoning_content",))


def thinking_refuses_forced_tools(body: Body, model: ModelTraits) -> Change:
    """DeepSeek: no forced tools while thinking, and log probabilities only of newer models."""
    switch = (body.get("thinking") or {}).get("type")
    if switch == "disabled" or ("reasoning" not in model and switch is None):
        return Change(body)
    found: tuple[str, ...] = ()
    if "thinking_logprobs" not in model:
        found = tuple(f for f in ("logprobs", "top_logprobs") if f in body)
    if body.get("tool_choice") not in (None, "auto", "none"):
        found = (*found, "tool_choice")
    return Change(without(body, *found), found) if found else Change(body)


def thinking_switch(field: str) -> Quirk:
    """The provider has a switch and a budget where others have an effort."""

    def change(body: Body, model: ModelTraits) -> Change:
        effort = body.get("reasoning_effort")
        if effort is None:
            return Change(body)
        switched: Body = {field: effort != "none"}
        if effort in BUDGETS:
            switched["thinking_budget"] = BUDGETS[effort]
        return Change(switched | without(body, "reasoning_effort"))  # what the caller set, wins

    return Quirk(("reasoning_effort",), change)


def reasoning_split(body: Body, model: ModelTraits) -> Change:
    """MiniMax: puts thinking beside the text instead of into it."""
    return Change(body) if "reasoning_split" in body else Change(body | {"reasoning_split": True})


SAMPLING = ("temperature", "top_p", "top_k")


def sampling_by_model(body: Body, model: ModelTraits) -> Change:
    """Anthropic: newer models refuse sampling parameters (`wire.md` 4.4)."""
    found = tuple(f for f in SAMPLING if f in body)
    if not found or "no_sampling" not in model:
        return Change(body)
    return Change(without(body, *found), found)


def thinking_by_model(body: Body, model: ModelTraits) -> Change:
    """Anthropic: newer models decide themselves how much to think."""
    thinking = body.get("thinking")
    if not isinstance(thinking, dict) or thinking.get("type") != "enabled":
        return Change(body)
    if "adaptive_thinking" not in model:
        return Change(body)
    adaptive = without(thinking, "budget_tokens") | {"type": "adaptive"}
    return Change(body | {"thinking": adaptive}, ("thinking.budget_tokens",))


def thinking_signed(body: Body, model: ModelTraits) -> Change:
    """Anthropic: thinking comes back signed or not at all. Without it, a model that thinks by a
    budget does not go on from its tools' results while it shall think (`wire.md` 5.2, 8)."""
    messages = body.get("messages") or []
    signed = [kept for message in messages if (kept := _with_signed_thoughts(message))]
    dropped: tuple[str, ...] = ()
    if signed != messages:
        body, dropped = body | {"messages": signed}, ("messages.content.thinking",)
    thinking = body.get("thinking")
    if thinking and thinking.get("type") == "enabled" and _goes_on_without_thoughts(signed):
        return Change(without(body, "thinking"), (*dropped, "thinking"))
    return Change(body, dropped)


def _with_signed_thoughts(message: Message) -> Message | None:
    """The message without unsigned thinking; None if nothing else is left."""
    blocks = message.get("content")
    if message.get("role") != "assistant" or not isinstance(blocks, list):
        return message
    kept = [b for b in blocks if not _is_unsigned(b)]
    if len(kept) == len(blocks):
        return message
    return message | {"content": kept} if kept else None


def _is_unsigned(block: Body) -> bool:
    return block.get("type") == "thinking" and not block.get("signature")


def _goes_on_without_thoughts(messages: list[Message]) -> bool:
    """Whether the last turn answers calls before which there is no thought."""
    *_, asked, answered = (None, None, *messages)
    calls, results = _blocks_of(asked, "assistant"), _blocks_of(answered, "user")
    return (
        any(block.get("type") == "tool_result" for block in results)
        and bool(calls)
        and calls[0].get("type") not in ("thinking", "redacted_thinking")
    )


def _blocks_of(message: Message | None, role: str) -> list[Body]:
    blocks = message.get("content") if message and message.get("role") == role else None
    return blocks if isinstance(blocks, list) else []


def seals_of_others(body: Body, model: ModelTraits) -> Change:
    """Reasoning that another provider signed is in our envelope; no provider of this format made
    it, and none can verify it."""
    items = body.get("input")
    if not isinstance(items, list):
        return Change(body)
    kept = [item for item in items if not _is_in_our_envelope(item)]
    if len(kept) == len(items):
        return Change(body)
    return Change(body | {"input": kept}, ("input.reasoning",))


def _is_in_our_envelope(item: Body) -> bool:
    sealed = item.get("encrypted_content")
    return item.get("type") == "reasoning" and str(sealed).startswith(ENVELOPE)
