"""Describe a model, for clients that ask for its capabilities before they call it.

If the model's provider speaks the client's dialect, the provider describes it. Otherwise we say
what the catalog knows.
"""

from collections.abc import Callable

import msgspec

from stockyard.errors import Refused
from stockyard.gateway.contract import Opening, Reply, Running, Whole
from stockyard.gateway.egress import JSON_HEAD
from stockyard.gateway.listing import NO_DETAILS
from stockyard.providers.directory import Directory
from stockyard.providers.provider import Provider
from stockyard.wire.head import quoted, read_head
from stockyard.wire.splice import replace_text

MAX_BODY = 64 * 1024
PATH = "/api/show"
"""Where a provider of the dialect describes its models."""
DIALECT_VERSION = "0.12.0"
"""The version of Ollama's API that we report; clients compare it with what they need."""

_CAPABILITIES = {"tools": "tools", "vision": "vision", "reasoning": "thinking"}
"""Feature of a catalog row -> its name in the dialect."""


class _Question(msgspec.Struct, gc=False):
    model: str | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    """What older clients send instead of `model`."""


_DECODER = msgspec.json.Decoder(_Question)
_KEYS = quoted("model", "name")


class Describing:
    """An Opening for the question about one model."""

    max_body = MAX_BODY

    def __init__(
        self,
        directory: Callable[[], Directory],
        dialect: str,
        onward: Callable[[str, str], Opening] | None,
        refused: Callable[[Refused], Whole],
    ) -> None:
        """`onward` gives the Opening for a path of a named provider; None if the caller may not
        call it."""
        self._directory = directory
        self._dialect = dialect
        self._onward = onward
        self._refused = refused

    def refuse(self, refusal: Refused) -> Whole:
        return self._refused(refusal)

    def start(self, reply: Reply, body: bytes) -> Running | None:
        try:
            provider, served, name = self._find(body)
        except Refused as refusal:
            self._refused(refusal).to(reply)
            return None
        if self._onward is not None and next(iter(provider.speaks), None) == self._dialect:
            body = replace_text(body, name, served)
            return self._onward(provider.name, PATH).start(reply, body)
        reply.whole(200, JSON_HEAD, msgspec.json.encode(_description(provider, served)))
        return None

    def _find(self, body: bytes) -> tuple[Provider, str, str]:
        """The provider that serves the model, its name there, and the field that named it."""
        head = read_head(body, _DECODER, _KEYS)
        name = "name" if head.model is msgspec.UNSET else "model"
        model = head.name if head.model is msgspec.UNSET else head.model
        if model is msgspec.UNSET or not model:
            raise Refused(400, "invalid_request", "The request has no 'model'.", param="model")
        directory = self._directory()
        targets = directory.targets(model, "chat") or directory.at_home(
            model, self._dialect, "chat"
        )
        provider = directory.provider(targets[0].provider) if targets else None
        if provider is None:
            raise Refused(
                404, "model_not_found", f"There is no model '{model[:128]}'.", param="model"
            )
        return provider, targets[0].model, name


def version_answer() -> Whole:
    return Whole(200, JSON_HEAD, msgspec.json.encode({"version": DIALECT_VERSION}))


def _description(provider: Provider, model: str) -> dict[str, object]:
    able = [name for feature, name in _CAPABILITIES.items() if feature in provider.features]
    return {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "license": "",
        "modified_at": "1970-01-01T00:00:00Z",
        "details": {**NO_DETAILS, "family": provider.name, "families": [provider.name]},
        "model_info": {"general.basename": model},
        "capabilities": ["completion", *able],
    }
