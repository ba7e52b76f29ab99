"""Quirks of how a provider is called: fixed header fields, queries and other paths.

They change the row before anything is made of it, so that no call has to think of them.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from stockyard.providers.quirks import watsonx
from stockyard.providers.row import Place, Row

FIELDS: dict[str, dict[str, str]] = {
    "copilot_headers": {
        "Copilot-Integration-Id": "vscode-chat",
        "Editor-Version": "vscode/1.104.0",
    },
    "github_api_version": {"X-GitHub-Api-Version": "2022-11-28"},
    "openrouter_headers": {"X-Title": "Stockyard"},
    "snowflake_token_type": {"X-Snowflake-Authorization-Token-Type": "PROGRAMMATIC_ACCESS_TOKEN"},
}
"""Header fields that the provider wants with every call."""


APP_FIELDS = (b"http-referer", b"x-title")
"""In which callers tell such a provider what app they are, for its lists of apps."""


def app_of(fields: Iterable[tuple[bytes, bytes]], quirks: Iterable[str]) -> str:
    """The app name sent to a provider with these quirks for callers that name none; empty if it
    takes none."""
    if "openrouter_headers" not in quirks:
        return ""
    return next((value.decode() for name, value in fields if name == b"x-title"), "")


class Polled(NamedTuple):
    """Where an answer is that a provider makes after it has said 202."""

    field: bytes
    """The header field that says what it is called."""
    path: str
    """Below the base URL; `{id}` is what it is called."""


POLLED: dict[str, Polled] = {
    # https://docs.api.nvidia.com/nim/reference/mistralai-mistral-medium-3-instruct-statuspolling
    "async_202_polling": Polled(b"nvcf-reqid", "/status/{id}"),
}


def polled_by(quirks: Iterable[str]) -> Polled | None:
    """Where a provider with these quirks has its late answers; None where it answers at once."""
    return next((POLLED[name] for name in quirks if name in POLLED), None)


OF_DEPLOYMENTS = frozenset(
    {
        "openai.chat",
        "openai.completions",
        "embeddings",
        "images",
        "image_edits",
        "speech",
        "transcriptions",
        "translations",
    }
)
"""What Azure's classic paths name the deployment for (`wire.md` 4.8)."""


def called(row: Row, values: Mapping[str, str]) -> Row:
    """The row with its quirks of this kind applied."""
    for name in row.quirks:
        bare, _, argument = name.partition(":")
        if bare in FIELDS:
            row = msgspec.structs.replace(row, fields=FIELDS[bare] | row.fields)
        elif bare == "api_version_query":
            parameter, _, value = argument.partition("=")
            row = msgspec.structs.replace(row, query={parameter: value} | row.query)
        elif bare == "azure_deployment_paths" and "api_version" in values:
            row = azure_deployment_paths(row, values["api_version"])
        elif bare == "watsonx_body":
            row = owned(row, values)
    return row


def owned(row: Row, values: Mapping[str, str]) -> Row:
    """The quirks of its bodies, with the project to bill (`wire.md` 4.11)."""
    owner = next((f":{name}={values[name]}" for name in watsonx.OWNERS if name in values), "")
    said = {name: f"{name}{owner}" for name in watsonx.QUIRKS}
    return msgspec.structs.replace(row, quirks=tuple(said.get(n, n) for n in row.quirks))


def azure_deployment_paths(row: Row, version: str) -> Row:
    """Azure's classic interface, for resources that are not on its v1 yet.

    https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference
    """

    def classic(name: str, place: str | Place) -> str | Place:
        if name not in OF_DEPLOYMENTS or not isinstance(place, str):
            return place
        return "/deployments/{model}" + place

    return msgspec.structs.replace(
        row,
        base_url=row.base_url.removesuffix("/v1"),
        speaks={name: classic(name, place) for name, place in row.speaks.items()},
        endpoints={name: classic(name, place) for name, place in row.endpoints.items()},
        query={"api-version": version} | row.query,
    )
