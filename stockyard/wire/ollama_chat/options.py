"""Request fields that `ollama.chat` and `ollama.generate` share: options, format, thinking."""

from typing import Any

from stockyard.core.request import Content, OutputForm, ReasoningWish
from stockyard.wire.drops import Drops, Unsayable
from stockyard.wire.efforts import effort_of
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import has_word, layout_of, with_layout, words

# Neutral field -> its name among the options.
_OPTIONS = {
    "max_output": "num_predict",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
_INTEGERS = frozenset({"max_output", "top_k", "seed"})

_UNSAYABLE = Unsayable(
    "n",
    "logit_bias",
    "cache_key",
    "cache",
    "service_tier",
    "end_user",
    "metadata",
    "modalities",
    "store",
    "previous",
)
"""Neutral fields that this format cannot express."""

NO_OPTIONS, NO_FORM, NO_TOOLS = "options", "format", "tools"
"""Words of a shape: the client sent an empty one."""
ANY_EFFORT = "true"
"""Layout of a reasoning wish without an effort, and the effort it becomes in other formats."""
_ANY = "medium"
_LEVELS = {"minimal": "low", "xhigh": "high", "max": "high"}
"""Efforts whose names are not known here."""


def take_options(fields: Fields) -> dict[str, Any]:
    """The neutral fields that are options here."""
    options = fields.inside("options")
    if options is None:
        return {}
    taken: dict[str, Any] = {}
    for name, spelled in _OPTIONS.items():
        value = options.integer(spelled) if name in _INTEGERS else options.number(spelled)
        if name == "max_output" and value is not None and value < 0:
            # No limit, or as much as there is room for.
            options.rest[spelled] = value
        elif value is not None:
            taken[name] = value
    taken["stop"] = options.texts("stop")
    if options.rest:
        fields.rest["options"] = options.rest
    return taken


def write_options(content: Content, own: dict[str, Any], drops: Drops) -> dict[str, Any]:
    """The `options` field; what no option says is noted."""
    drops.unsayable(content, _UNSAYABLE)
    options = dict(own.get("options") or {})
    for name, spelled in _OPTIONS.items():
        value = getattr(content, name)
        if value is not None:
            options[spelled] = value
    if content.stop is not None:
        options["stop"] = list(content.stop)
    return {"options": options} if options or has_word(content.shape, NO_OPTIONS) else {}


def take_form(fields: Fields) -> OutputForm | None:
    said = fields.any("format")
    if said is None or said == "":
        return None
    if said == "json":
        return OutputForm(kind="json_object")
    if not isinstance(said, dict):
        raise FieldError(fields.at("format"), "json or a schema")
    return OutputForm(kind="json_schema", schema=said)


def write_form(content: Content, drops: Drops) -> dict[str, Any]:
    form = content.output
    if form is None or form.kind == "text":
        return {"format": ""} if has_word(content.shape, NO_FORM) else {}
    drops.foreign(form.extra, "response_format")
    return {"format": "json" if form.is_any_object else form.schema}


def take_thinking(fields: Fields, format: str) -> ReasoningWish | None:
    think = fields.any("think")
    if think is None:
        return None
    if think is False:
        return ReasoningWish(effort="none")
    if think is True:
        return ReasoningWish(effort=_ANY, extra=with_layout({}, format, ANY_EFFORT))
    if not isinstance(think, str):
        raise FieldError(fields.at("think"), "true, false or a level")
    return ReasoningWish(effort=think)


def write_thinking(
    wish: ReasoningWish | None,
    format: str,
    drops: Drops,
) -> dict[str, Any]:
    if wish is None:
        return {}
    drops.foreign(wish.extra, "reasoning")
    if layout_of(wish.extra, format) == ANY_EFFORT:
        return {"think": True}
    effort = effort_of(wish)
    if effort == "none" or wish.mode == "disabled":
        return {"think": False}
    return {} if effort is None else {"think": _LEVELS.get(effort, effort)}


def shape_of(fields: Fields) -> str | None:
    """What was sent and is empty."""
    rest = fields.rest
    return words(
        NO_OPTIONS if rest.get("options") == {} else None,
        NO_FORM if rest.get("format") == "" else None,
        NO_TOOLS if rest.get("tools") == [] else None,
    )
