"""Which models Ollama's dialect names, lists and describes: Ollama's own beside all others."""

import asyncio
from typing import Any

import pytest

from stockyard.gateway import joined_list
from stockyard.testing.yard import Yard, becomes
from tests.gateway.ollama_calls import CHAT, JSON, OWN


def bearer(yard: Yard) -> bytes:
    return b"authorization: Bearer %b\r\n\r\n" % yard.key.encode()


class TestNames:
    async def test_a_name_that_nobody_serves_is_a_model_of_ollama(self, yard: Yard) -> None:
        yard.provider("openai").says("not me")
        ollama = yard.provider("ollama").says("hello")
        answer = await yard.call(CHAT, OWN | {"stream": False})
        assert answer.json["message"]["content"] == "hello"
        assert ollama.last.fields["model"] == "llama3.2:latest"

    async def test_a_name_that_nobody_serves_is_a_model_of_ollama_for_embeddings_too(
        self, yard: Yard
    ) -> None:
        told = b'{"model":"nomic-embed-text","embeddings":[[0.5,1.5]],"prompt_eval_count":2}'
        ollama = yard.provider("ollama").sends(200, JSON, told)
        asked = {"model": "nomic-embed-text", "input": "hi"}
        answer = await yard.call("/ollama/api/embed", asked)
        assert answer.json["embeddings"] == [[0.5, 1.5]]
        assert ollama.last.target == "/api/embed"

    async def test_a_name_that_somebody_serves_is_their_model(self, yard: Yard) -> None:
        yard.provider("ollama").says("not me")
        openai = yard.provider("openai").says("hello")
        await yard.call(CHAT, OWN | {"model": "gpt-4o", "stream": False})
        assert openai.last.fields["model"] == "gpt-4o"

    @pytest.mark.parametrize("model", ["llama3.2", "openai/gpt-4o"])
    async def test_an_unknown_name_without_ollama_is_a_404(self, yard: Yard, model: str) -> None:
        yard.provider("anthropic").says("not me")
        answer = await yard.call(CHAT, OWN | {"model": model})
        assert answer.status == 404
        assert model in answer.json["error"]

    async def test_other_clients_must_name_the_provider(self, yard: Yard) -> None:
        yard.provider("ollama").says("not me")
        assert (await yard.chat("hi", model="llama3.2")).status == 404

    async def test_an_alias_is_resolved_for_clients_of_ollama_too(self, yard: Yard) -> None:
        yard.provider("ollama").says("not me")
        openai = yard.provider("openai").says("hello")
        yard.set("aliases.smart", "openai/gpt-4o")
        await yard.call(CHAT, OWN | {"model": "smart", "stream": False})
        assert openai.last.fields["model"] == "gpt-4o"


class TestQuestions:
    async def test_the_models_are_listed(self, yard: Yard) -> None:
        answer = await yard.get("/ollama/api/tags")
        assert answer.status == 200
        (mock,) = [model for model in answer.json["models"] if model["name"] == "mock"]
        assert (mock["model"], mock["size"]) == ("mock", 0)

    async def test_models_of_ollama_are_listed_first(self, yard: Yard) -> None:
        told = b'{"models":[{"name":"llama3.2","size":5},{"name":"mock","size":7}]}'
        ollama = yard.provider("ollama").sends(200, JSON, told)
        answer = await yard.get("/ollama/api/tags")
        listed = [(model["name"], model["size"]) for model in answer.json["models"]]
        assert listed[:2] == [("llama3.2", 5), ("mock", 7)]
        assert len({name for name, _ in listed}) == len(listed) > 1
        assert ollama.last.target == "/api/tags"

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (500, b"{}"),
            (200, b"<html>"),
            (200, b'{"models":5}'),
            (200, b'{"models":[{"name":["x"]}]}'),
        ],
    )
    async def test_ours_are_listed_whatever_ollama_says(
        self, yard: Yard, status: int, body: bytes
    ) -> None:
        yard.provider("ollama").sends(status, JSON, body)
        answer = await yard.get("/ollama/api/tags")
        assert answer.status == 200
        assert "mock" in [model["name"] for model in answer.json["models"]]

    @pytest.mark.parametrize("farewell", ["fin", "rst"])
    async def test_ours_are_listed_when_ollama_breaks_off(self, yard: Yard, farewell: Any) -> None:
        script = yard.provider("ollama").sends(200, JSON, b'{"models":[]}')
        script.cuts_after_bytes(5, how=farewell)
        answer = await yard.get("/ollama/api/tags")
        assert "mock" in [model["name"] for model in answer.json["models"]]

    async def test_ours_are_listed_when_ollama_does_not_answer_soon(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(joined_list, "PATIENCE_SECONDS", 0.2)
        ollama = yard.provider("ollama").says_nothing()
        async with asyncio.timeout(10):
            answer = await yard.get("/ollama/api/tags")
        assert "mock" in [model["name"] for model in answer.json["models"]]
        assert await yard.quiet()
        assert yard.last.outcomes == ["abandoned"]
        assert await becomes(lambda: not ollama.open_connections)

    async def test_a_client_that_does_not_wait_for_the_list_leaves_nothing(
        self, yard: Yard
    ) -> None:
        yard.provider("ollama").sends(200, JSON, b"{}").stalls_after_bytes(0)
        async with yard.raw() as client:
            client.send(b"GET /ollama/api/tags HTTP/1.1\r\nhost: x\r\n" + bearer(yard))
            assert await becomes(lambda: bool(yard.stockyard.office.running))
        assert await yard.quiet()

    async def test_the_version_is_that_of_the_dialect(self, yard: Yard) -> None:
        answer = await yard.get("/ollama/api/version")
        assert [part.isdigit() for part in answer.json["version"].split(".")] == [True] * 3

    @pytest.mark.parametrize("path", ["/ollama", "/ollama/"])
    async def test_clients_that_look_whether_somebody_is_there_find_us(
        self, yard: Yard, path: str
    ) -> None:
        answer = await yard.get(path, method="HEAD")
        assert (answer.status, answer.body) == (200, b"")

    async def test_a_model_of_another_provider_is_described_by_us(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic")
        answer = await yard.call("/ollama/api/show", {"model": "claude-sonnet-4-5"})
        assert answer.status == 200
        assert {"completion", "tools", "vision"} <= set(answer.json["capabilities"])
        assert not anthropic.requests

    @pytest.mark.parametrize("field", ["model", "name"])
    async def test_a_model_of_ollama_is_described_by_ollama(self, yard: Yard, field: str) -> None:
        told = b'{"capabilities":["completion"],"model_info":{}}'
        ollama = yard.provider("ollama").sends(200, JSON, told)
        answer = await yard.call("/ollama/api/show", {field: "ollama/llama3.2", "verbose": True})
        assert answer.body == told
        assert ollama.last.target == "/api/show"
        assert ollama.last.fields == {field: "llama3.2", "verbose": True}

    @pytest.mark.parametrize(
        ("body", "status"), [(b"{}", 400), (b"[", 400), (b'{"model":"nobody"}', 404)]
    )
    async def test_a_model_that_cannot_be_described_is_an_error(
        self, yard: Yard, body: bytes, status: int
    ) -> None:
        yard.provider("anthropic")
        answer = await yard.call("/ollama/api/show", body)
        assert answer.status == status
        assert isinstance(answer.json["error"], str)

    async def test_no_question_is_answered_without_a_key(self, yard: Yard) -> None:
        for path in ("tags", "version"):
            answer = await yard.get(f"/ollama/api/{path}", headers={"authorization": ""})
            assert answer.status == 401
            assert isinstance(answer.json["error"], str)

    async def test_a_secret_of_another_provider_never_reaches_ollama(self, yard: Yard) -> None:
        ollama = yard.provider("ollama").sends(200, JSON, b"{}")
        own = {"authorization": "Bearer sk-ant-api03-of-the-caller"}
        listed = await yard.get("/ollama/api/tags", headers=own)
        shown = await yard.call("/ollama/api/show", {"model": "llama3.2"}, headers=own)
        called = await yard.call(CHAT, OWN, headers=own)
        assert (listed.status, shown.status) == (200, 200)
        assert called.status in (404, 503)
        assert not ollama.requests

    async def test_other_paths_are_those_of_ollama_itself(self, yard: Yard) -> None:
        ollama = yard.provider("ollama").sends(200, JSON, b'{"models":[]}')
        answer = await yard.get("/ollama/api/ps")
        assert answer.body == b'{"models":[]}'
        assert ollama.last.target == "/api/ps"
