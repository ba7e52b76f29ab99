"""The texts inside values that only one format knows."""

from typing import Any

import pytest

from stockyard.core.scan.values import map_schema, map_value


def shout(text: str, json: bool) -> str:
    return text.replace("secret", "JSON" if json else "TEXT")


@pytest.mark.parametrize(
    ("value", "changed"),
    [
        ("a secret", "a TEXT"),
        ({"stdout": "secret", "exit_code": 0}, {"stdout": "TEXT", "exit_code": 0}),
        ({"action": {"command": ["echo", "secret"]}}, {"action": {"command": ["echo", "TEXT"]}}),
        ({"arguments": '{"a":"secret"}'}, {"arguments": '{"a":"JSON"}'}),
        ({"type": "text", "data": "secret"}, {"type": "text", "data": "TEXT"}),
    ],
    ids=["text", "output", "command", "json", "document"],
)
def test_every_text_is_changed(value: Any, changed: Any) -> None:
    assert map_value(value, shout) == changed


@pytest.mark.parametrize(
    "value",
    [
        {"type": "secret", "id": "secret", "call_id": "secret", "name": "secret"},
        {"signature": "secret", "encrypted_content": "secret", "thoughtSignature": "secret"},
        {"extra_content": {"google": {"thought_signature": "secret"}}},
        {"url": "https://secret", "image_url": "https://secret", "fileUri": "gs://secret"},
        {"source": {"type": "base64", "data": "secret"}},
        {"result": "secret" * 200},
        {"screenshot": "data:image/png;base64,secret"},
        {"some": [1, 2.5, None, True, "plain"]},
    ],
    ids=[
        "names",
        "sealed",
        "sealed_deep",
        "addresses",
        "bytes",
        "long_bytes",
        "data_url",
        "nothing_found",
    ],
)
def test_values_for_machines_are_not_changed(value: Any) -> None:
    assert map_value(value, shout) is value


def test_only_what_changed_is_new() -> None:
    value = {"same": {"a": "plain"}, "other": ["secret", {"b": "plain"}]}
    changed = map_value(value, shout)
    assert changed == {"same": {"a": "plain"}, "other": ["TEXT", {"b": "plain"}]}
    assert changed["same"] is value["same"]
    assert value["other"][0] == "secret"  # type: ignore[index]  # the value is any JSON


def test_descriptions_in_a_schema_are_changed_and_its_own_words_are_not() -> None:
    schema = {
        "type": "object",
        "description": "secret",
        "properties": {"secret": {"type": "string", "default": "secret", "enum": ["secret"]}},
        "anyOf": [{"title": "secret", "pattern": "secret"}],
        "required": ["secret"],
    }
    assert map_schema(schema, shout) == {
        "type": "object",
        "description": "TEXT",
        "properties": {"secret": {"type": "string", "default": "TEXT", "enum": ["TEXT"]}},
        "anyOf": [{"title": "TEXT", "pattern": "secret"}],
        "required": ["secret"],
    }
    plain = {"type": "object", "properties": {"a": {"description": "plain"}}}
    assert map_schema(plain, shout) is plain
    assert map_schema(None, shout) is None
