"""What clouds want otherwise: bodies of Claude, turns of tools, purposes of texts, addresses."""

import json
from typing import Any

import pytest

from stockyard.providers import quirks
from stockyard.providers.catalog import load
from stockyard.providers.credentials import held_from_environment
from stockyard.providers.provider import Provider
from stockyard.providers.quirks.hosted_claude import KNOWN_BETAS

ENVIRON = {
    "GOOGLE_CLOUD_PROJECT": "p",
    "GOOGLE_CLOUD_LOCATION": "global",
    "DATABRICKS_HOST": "d.example",
    "AZURE_AI_ENDPOINT": "f.example",
    "WATSONX_URL": "https://w.example",
}
CATALOG = load(environ=ENVIRON)
MESSAGES = "anthropic.messages"
KNOWN = sorted(KNOWN_BETAS)[0]


def provider(name: str) -> Provider:
    found = CATALOG.get(name)
    assert found is not None
    return found


def changed(
    name: str, body: dict[str, Any], format_: str = "openai.chat", betas: bytes | None = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    found = quirks.apply(provider(name), "m", format_, json.dumps(body).encode(), betas=betas)
    return json.loads(found.body), found.noted


@pytest.mark.parametrize(
    ("body", "header", "betas", "noted"),
    [
        ({}, None, None, ()),
        ({}, f"{KNOWN}".encode(), [KNOWN], ()),
        ({}, f" {KNOWN} , {KNOWN},".encode(), [KNOWN], ()),
        ({}, b"next-year", None, ("anthropic_beta:next-year",)),
        ({"anthropic_beta": [KNOWN]}, b"x", [KNOWN], ("anthropic_beta:x",)),
        ({"anthropic_beta": "odd"}, None, "odd", ()),
    ],
)
def test_vertex_is_told_betas_in_the_body(
    body: dict[str, Any], header: bytes | None, betas: object, noted: tuple[str, ...]
) -> None:
    asked = {"model": "claude", "messages": [], "max_tokens": 1}
    said, lost = changed("vertex-anthropic", asked | body, MESSAGES, header)
    assert said.pop("anthropic_version") == "vertex-2023-10-16"
    assert said.pop("anthropic_beta", None) == betas
    assert said == {"messages": [], "max_tokens": 1}
    assert lost == noted


def call(id_: str) -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}}


def result(id_: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": "1"}


ASKS: dict[str, Any] = {"role": "user", "content": "hi"}
CALLS: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [call("a"), call("b")]}


BOTH = [result("a"), result("b")]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([ASKS, CALLS, *BOTH], [ASKS, CALLS, *BOTH]),
        ([ASKS, CALLS, result("b"), ASKS, result("a")], [ASKS, CALLS, *BOTH, ASKS]),
        ([ASKS, result("z"), CALLS], [ASKS, result("z"), CALLS]),
        ([ASKS, {"role": "assistant", "content": ""}, ASKS], [ASKS, ASKS]),
        ([ASKS, {"role": "assistant"}], [ASKS]),
    ],
)
def test_turns_of_tools_stand_together_and_nobody_says_nothing(
    said: list[Any], expected: list[Any]
) -> None:
    names = ["tool_messages_one_turn", "no_bare_assistant"]
    house = {"kind": "openai.chat", "base_url": "https://x.example", "quirks": names}
    found = load({"house": house}).get("house")
    assert found is not None
    body = json.dumps({"model": "m", "messages": said}).encode()
    assert json.loads(quirks.apply(found, "m", "openai.chat", body).body)["messages"] == expected
    assert {*names} <= {*provider("databricks").quirks}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "passage"),
        ({"input_type": "query"}, "query"),
        ({"input_type": "search_query"}, "query"),
        ({"input_type": "search_document"}, "passage"),
        ({"input_type": "clustering"}, "passage"),
        ({"input_type": 1}, "passage"),
    ],
)
def test_a_text_to_embed_has_one_of_two_purposes(given: dict[str, Any], wanted: str) -> None:
    said, _ = changed("nvidia", {"model": "m", "input": "x"} | given, "openai.embeddings")
    assert said == {"model": "m", "input": "x", "input_type": wanted}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("openrouter", b"x-title", b"Stockyard"),
        ("github-models", b"x-github-api-version", b"2022-11-28"),
        ("snowflake", b"x-snowflake-authorization-token-type", b"PROGRAMMATIC_ACCESS_TOKEN"),
        ("github-copilot", b"copilot-integration-id", b"vscode-chat"),
    ],
)
def test_fixed_header_fields(name: str, field: bytes, value: bytes) -> None:
    assert (field, value) in provider(name).fields


@pytest.mark.parametrize(
    ("name", "query"),
    [("azure-foundry", "api-version=2024-05-01-preview"), ("watsonx", "version=2024-02-15")],
)
def test_a_version_in_every_query(name: str, query: str) -> None:
    assert provider(name).query == query


@pytest.mark.parametrize(
    ("name", "model", "formats"),
    [
        ("vertex", "gemini-2.5-pro", ["gemini"]),
        ("vertex", "meta/llama-4", ["openai.chat"]),
        ("azure-foundry", "claude-next", ["anthropic.messages"]),
        ("azure-foundry", "gpt-4o", ["openai.chat", "openai.responses"]),
    ],
)
def test_an_entry_may_be_for_some_models_only(name: str, model: str, formats: list[str]) -> None:
    known = {"gemini", "openai.chat", "openai.responses", "anthropic.messages"}
    assert list(provider(name).formats(known, model)) == formats


@pytest.mark.parametrize(
    ("environ", "scheme"),
    [
        ({"AZURE_OPENAI_API_KEY": "k"}, ""),
        ({"AZURE_OPENAI_AD_TOKEN": "t"}, "bearer"),
        ({"AZURE_CLIENT_SECRET": "s", "AZURE_TENANT_ID": "t"}, "entra"),
        ({"AZURE_CLIENT_SECRET": "s"}, None),  # nobody says whose
        ({"AZURE_CLIENT_SECRET": "s", "AZURE_TENANT_ID": "t", "AZURE_OPENAI_API_KEY": "k"}, ""),
    ],
)
def test_the_variable_says_how_its_secret_is_shown(
    environ: dict[str, str], scheme: str | None
) -> None:
    environ = environ | {"AZURE_OPENAI_ENDPOINT": "x.openai.azure.com"}
    held = [
        one.credential
        for one in held_from_environment(load(environ=environ), environ)
        if one.credential.provider == "azure"
    ]
    assert [credential.scheme for credential in held] == ([] if scheme is None else [scheme])


RESULT = {"type": "tool_result", "tool_use_id": "t"}
NOTE = {"type": "text", "text": "<system>\nBe brief.\n</system>"}
GO_ON = {"type": "text", "text": "go on"}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


@pytest.mark.parametrize(
    ("turns", "sent"),
    [
        ([user(GO_ON), "Be brief."], [user(GO_ON), user(NOTE)]),
        (["Be brief.", {"role": "user", "content": "go on"}], [user(NOTE, GO_ON)]),
        (["Be brief.", user(RESULT, GO_ON)], [user(RESULT, NOTE, GO_ON)]),
        ([[{"type": "text", "text": "Be brief."}], user(GO_ON)], [user(NOTE, GO_ON)]),
        ([user(GO_ON)], [user(GO_ON)]),
    ],
)
@pytest.mark.parametrize(
    ("name", "format_"), [("vertex-anthropic", MESSAGES), ("bedrock", "bedrock.invoke")]
)
def test_clouds_get_what_the_system_says_in_the_middle_from_the_user(
    name: str, format_: str, turns: list[Any], sent: list[Any]
) -> None:
    """`wire.md` 5.2: they lag behind, and refuse the role `system`."""
    asked = [t if isinstance(t, dict) else {"role": "system", "content": t} for t in turns]
    body = {"system": "Rules.", "messages": asked, "max_tokens": 1}
    told, _ = changed(name, body, format_)
    assert told["messages"] == sent
    assert told["system"] == "Rules."
