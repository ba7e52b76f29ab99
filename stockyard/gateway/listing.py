"""The models a caller may name, in the dialect of whoever asks (`wire.md` 2.2)."""

from collections.abc import Callable
from urllib.parse import unquote

import msgspec

from stockyard.errors import Refused
from stockyard.gateway.contract import Whole
from stockyard.gateway.egress import JSON_HEAD
from stockyard.gateway.http import Head
from stockyard.providers.directory import Directory, Listed

EPOCH = 0
"""When a model was made: we do not know, and two dialects want a value."""

Described = dict[str, object]

_BY_PATH = {"/ollama/": "ollama.chat", "/v2/": "cohere.chat"}
"""Dialects that share no path with another."""


def dialect_of(head: Head) -> str:
    """The format of whoever asks on a path that several share (`wire.md` 2.2)."""
    for start, dialect in _BY_PATH.items():
        if head.path.startswith(start):
            return dialect
    if head.field(b"anthropic-version") is not None:
        return "anthropic.messages"
    if (
        head.path.startswith(("/v1beta/", "/v1beta1/", "/v1alpha/"))
        or head.field(b"x-goog-api-key") is not None
        or head.field(b"x-goog-api-client") is not None
        or any(field.startswith("key=") for field in head.query.split("&"))
    ):
        return "gemini"
    return "openai.chat"


def models_answer(head: Head, directory: Directory, aliases: tuple[str, ...]) -> Whole:
    """The answer to `GET /v1/models` and `/v1/models/{id}`. Raises Refused (404)."""
    listed = [*(Listed(alias, "stockyard") for alias in aliases), *directory.listing()]
    by_id = {model.id: model for model in reversed(listed)}
    models = [by_id[name] for name in dict.fromkeys(model.id for model in listed)]
    describe, collect = _DIALECTS[dialect_of(head)]
    _, _, name = head.path.partition("/models/")
    if not name:
        body = collect([describe(model) for model in models])
        return Whole(200, JSON_HEAD, msgspec.json.encode(body))
    wanted = unquote(name)
    found = next((model for model in models if model.id == wanted), None)
    if found is None:
        raise Refused(404, "model_not_found", f"There is no model '{wanted[:128]}'.", param="model")
    return Whole(200, JSON_HEAD, msgspec.json.encode(describe(found)))


def _openai(model: Listed) -> Described:
    # Mistral's library lists nothing whose `type` is not said.
    said = {"id": model.id, "object": "model", "created": EPOCH, "owned_by": model.provider}
    return {**said, "type": "model"}


def _openai_list(models: list[Described]) -> Described:
    return {"object": "list", "data": models}


def _anthropic(model: Listed) -> Described:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id,
        "created_at": "1970-01-01T00:00:00Z",
    }


def _anthropic_list(models: list[Described]) -> Described:
    return {
        "data": models,
        "has_more": False,
        "first_id": models[0]["id"] if models else None,
        "last_id": models[-1]["id"] if models else None,
    }


def _gemini(model: Listed) -> Described:
    return {
        "name": f"models/{model.id}",
        "displayName": model.id,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
    }


def _gemini_list(models: list[Described]) -> Described:
    return {"models": models}


def _ollama(model: Listed) -> Described:
    return {
        "name": model.id,
        "model": model.id,
        "modified_at": "1970-01-01T00:00:00Z",
        "size": 0,
        "digest": "",
        "details": NO_DETAILS,
    }


def _ollama_list(models: list[Described]) -> Described:
    return {"models": models}


NO_DETAILS: Described = {
    "parent_model": "",
    "format": "",
    "family": "",
    "families": [],
    "parameter_size": "",
    "quantization_level": "",
}
"""What clients of Ollama read of the file that a model is loaded from; here it is elsewhere."""

_Describe = Callable[[Listed], Described]
_Collect = Callable[[list[Described]], Described]
_DIALECTS: dict[str, tuple[_Describe, _Collect]] = {
    "openai.chat": (_openai, _openai_list),
    "anthropic.messages": (_anthropic, _anthropic_list),
    "gemini": (_gemini, _gemini_list),
    "ollama.chat": (_ollama, _ollama_list),
}
