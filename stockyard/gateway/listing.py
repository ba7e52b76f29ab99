"""The list of models that a caller may name, in the client's dialect (`wire.md` 2.2)."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from stockyard.core.offer import Offer
from stockyard.core.target import Target
from stockyard.errors import Refused
from stockyard.gateway import model_pages
from stockyard.gateway.contract import Whole
from stockyard.gateway.egress import JSON_HEAD
from stockyard.gateway.http import Head
from stockyard.gateway.model_pages import PageWanted
from stockyard.providers.directory import LISTED, Directory, Listed

EPOCH = 0
"""When a model was created: unknown, but two dialects require a value."""

Described = dict[str, object]

_BY_PATH = {"/ollama/": "ollama.chat", "/v2/": "cohere.chat"}
"""Path prefixes that only one dialect uses."""


def dialect_of(head: Head) -> str:
    """The dialect of the client, on a path that several dialects share (`wire.md` 2.2)."""
    return dialect_at(head.path, head.query, head.field)


def dialect_at(path: str, query: str, field: Callable[[bytes], bytes | None]) -> str:
    """The same, by the parts of a head."""
    for start, dialect in _BY_PATH.items():
        if path.startswith(start):
            return dialect
    if field(b"anthropic-version") is not None:
        return "anthropic.messages"
    if (field(b"x-fern-sdk-name") or b"").startswith(b"cohere"):
        return "cohere.chat"
    if (
        path.startswith(("/v1beta/", "/v1beta1/", "/v1alpha/"))
        or field(b"x-goog-api-key") is not None
        or field(b"x-goog-api-client") is not None
        or any(parameter.startswith("key=") for parameter in query.split("&"))
    ):
        return "gemini"
    return "openai.chat"


def models_answer(
    head: Head, directory: Directory, aliases: tuple[str, ...], only: str | None = None
) -> Whole:
    """The answer to `GET /v1/models` and `/v1/models/{id}`: the models that the caller may name.

    `only`: the provider of a caller with a secret of its own, who may call no other. Raises Refused
    (404; 400 for an invalid page).
    """
    models = _named(directory, aliases) if only is None else directory.listing_of(only)
    dialect = _DIALECTS[dialect_of(head)]

    def described(model: Listed) -> Described:
        offer = directory.offer(Target(model.provider, model.model)) if model.model else None
        return dialect.describe(model, offer)

    _, _, name = head.path.partition("/models/")
    if not name:
        kind = dialect.kind(head.query)
        if kind is not None:
            models = [model for model in models if _kind_of(model, directory) == kind]
        page, more = model_pages.page_of(dialect.page(head.query), models, _id_of)
        body = dialect.collect([described(model) for model in page], more)
        return Whole(200, JSON_HEAD, msgspec.json.encode(body))
    wanted = unquote(name)
    found = next((model for model in models if model.id == wanted), None)
    if found is None and only is None:
        found = _unlisted(directory, wanted)
    if found is None:
        raise Refused(404, "model_not_found", f"There is no model '{wanted[:128]}'.", param="model")
    return Whole(200, JSON_HEAD, msgspec.json.encode(described(found)))


def _named(directory: Directory, aliases: tuple[str, ...]) -> list[Listed]:
    """All names, without duplicates: of two models with one name, the first counts."""
    listed = [*(Listed(alias, "stockyard") for alias in aliases), *directory.listing()]
    by_id = {model.id: model for model in reversed(listed)}
    return [by_id[name] for name in dict.fromkeys(model.id for model in listed)]


def _unlisted(directory: Directory, name: str) -> Listed | None:
    """A model that is not listed but can be called: some clients look it up before they call it."""
    found = next(filter(None, (directory.targets(name, needs) for needs in LISTED)), ())
    return Listed(name, found[0].provider, found[0].model) if found else None


def _id_of(model: Listed) -> str:
    return model.id


def _kind_of(model: Listed, directory: Directory) -> str:
    offer = directory.offer(Target(model.provider, model.model)) if model.model else None
    return offer.kind if offer is not None else "chat"


def _openai(model: Listed, _: Offer | None) -> Described:
    # Mistral's library lists nothing whose `type` is not said.
    said = {"id": model.id, "object": "model", "created": EPOCH, "owned_by": model.provider}
    return {**said, "type": "model"}


def _openai_list(models: list[Described], _: bool) -> Described:
    return {"object": "list", "data": models}


def _anthropic(model: Listed, _: Offer | None) -> Described:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id,
        "created_at": "1970-01-01T00:00:00Z",
    }


def _anthropic_list(models: list[Described], more: bool) -> Described:
    return {
        "data": models,
        "has_more": more,
        "first_id": models[0]["id"] if models else None,
        "last_id": models[-1]["id"] if models else None,
    }


def _gemini(model: Listed, offer: Offer | None) -> Described:
    described: Described = {
        "name": f"models/{model.id}",
        "displayName": model.id,
        "supportedGenerationMethods": _METHODS.get(offer.kind if offer else "chat", ()),
    }
    limits = {"inputTokenLimit": offer.context, "outputTokenLimit": offer.output} if offer else {}
    return described | {name: limit for name, limit in limits.items() if limit is not None}


def _gemini_list(models: list[Described], more: bool) -> Described:
    listed: Described = {"models": models}
    if more and models:
        # What follows the last one; its name without the word that stands before all of them.
        return {**listed, "nextPageToken": str(models[-1]["name"]).removeprefix("models/")}
    return listed


def _ollama(model: Listed, _: Offer | None) -> Described:
    return {
        "name": model.id,
        "model": model.id,
        "modified_at": "1970-01-01T00:00:00Z",
        "size": 0,
        "digest": "",
        "details": NO_DETAILS,
    }


def _ollama_list(models: list[Described], _: bool) -> Described:
    return {"models": models}


NO_DETAILS: Described = {
    "parent_model": "",
    "format": "",
    "family": "",
    "families": [],
    "parameter_size": "",
    "quantization_level": "",
}
"""Details of a model's file, which clients of Ollama expect and we do not know."""

_METHODS: dict[str, tuple[str, ...]] = {
    "chat": ("generateContent", "streamGenerateContent", "countTokens"),
    "embeddings": ("embedContent", "batchEmbedContents"),
}
"""Kind of call -> what clients of Gemini's dialect call it here."""


def _cohere(model: Listed, offer: Offer | None) -> Described:
    described: Described = {
        "name": model.id,
        "is_deprecated": False,
        "endpoints": _ENDPOINTS.get(offer.kind if offer else "chat", ()),
        "finetuned": False,
        "default_endpoints": (),
        "features": offer.can if offer else None,
    }
    context = offer.context if offer else None
    return described if context is None else {**described, "context_length": context}


def _cohere_list(models: list[Described], more: bool) -> Described:
    listed: Described = {"models": models}
    return {**listed, "next_page_token": models[-1]["name"]} if more and models else listed


_ENDPOINTS: dict[str, tuple[str, ...]] = {
    "chat": ("chat",),
    "embeddings": ("embed",),
    "rerank": ("rerank",),
}
"""Kind of call -> what clients of Cohere call it."""


def _endpoint_asked(query: str) -> str | None:
    """The kind of call for which a client of Cohere asks for models."""
    said = dict(parse_qsl(query)).get("endpoint")
    if said is None:
        return None
    return next((kind for kind, names in _ENDPOINTS.items() if said in names), said)


def _any_kind(query: str) -> None:
    """For dialects that do not filter models by kind."""


def _everything(query: str) -> PageWanted:
    """For dialects without pages."""
    return PageWanted()


class _Dialect(NamedTuple):
    describe: Callable[[Listed, Offer | None], Described]
    collect: Callable[[list[Described], bool], Described]
    page: Callable[[str], PageWanted] = _everything
    kind: Callable[[str], str | None] = _any_kind


_DIALECTS: dict[str, _Dialect] = {
    "openai.chat": _Dialect(_openai, _openai_list),
    "anthropic.messages": _Dialect(_anthropic, _anthropic_list, model_pages.by_ids),
    "gemini": _Dialect(_gemini, _gemini_list, model_pages.by_token),
    "ollama.chat": _Dialect(_ollama, _ollama_list),
    "cohere.chat": _Dialect(_cohere, _cohere_list, model_pages.by_token, _endpoint_asked),
}
