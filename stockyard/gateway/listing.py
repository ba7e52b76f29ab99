"""The models a caller may name, in the dialect of whoever asks (`wire.md` 2.2)."""

from urllib.parse import unquote

import msgspec

from stockyard.errors import Refused
from stockyard.gateway.contract import Whole
from stockyard.gateway.egress import JSON_HEAD
from stockyard.gateway.http import Head
from stockyard.providers.directory import Directory, Listed

EPOCH = 0
"""When a model was made: we do not know, and both dialects want a value."""


def models_answer(head: Head, directory: Directory, aliases: tuple[str, ...]) -> Whole:
    """The answer to `GET /v1/models` and `/v1/models/{id}`. Raises Refused (404)."""
    listed = [*(Listed(alias, "stockyard") for alias in aliases), *directory.listing()]
    by_id = {model.id: model for model in reversed(listed)}
    models = [by_id[name] for name in dict.fromkeys(model.id for model in listed)]
    anthropic = head.field(b"anthropic-version") is not None
    _, _, name = head.path.partition("/models/")
    if name:
        wanted = unquote(name)
        found = next((model for model in models if model.id == wanted), None)
        if found is None:
            raise Refused(
                404, "model_not_found", f"There is no model '{wanted[:128]}'.", param="model"
            )
        body: object = _anthropic(found) if anthropic else _openai(found)
    elif anthropic:
        body = {
            "data": [_anthropic(model) for model in models],
            "has_more": False,
            "first_id": models[0].id if models else None,
            "last_id": models[-1].id if models else None,
        }
    else:
        body = {"object": "list", "data": [_openai(model) for model in models]}
    return Whole(200, JSON_HEAD, msgspec.json.encode(body))


def _openai(model: Listed) -> dict[str, object]:
    return {"id": model.id, "object": "model", "created": EPOCH, "owned_by": model.provider}


def _anthropic(model: Listed) -> dict[str, object]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id,
        "created_at": "1970-01-01T00:00:00Z",
    }
