"""Paths of the gemini surface: the model and the verb in them, Keys in the query, lists."""

import json

import pytest

from stockyard.gateway import endpoints
from stockyard.gateway.endpoints import Endpoint
from stockyard.testing.yard import Yard
from tests.gateway.gemini_calls import HI, STREAM, WHOLE


def no_native(*_: str) -> Endpoint | None:
    return None


@pytest.mark.parametrize(
    "version", ["/v1", "/v1beta", "/v1alpha", "", "/v1beta/v1beta", "/v1/v1beta"]
)
@pytest.mark.parametrize("model", ["gemini-test", "openai/gpt-4o", "llama3:8b", "a%2Fb:c"])
@pytest.mark.parametrize(
    ("verb", "streams"), [("generateContent", False), ("streamGenerateContent", True)]
)
def test_the_path_names_model_and_verb(version: str, model: str, verb: str, streams: bool) -> None:
    endpoint = endpoints.find(f"{version}/models/{model}:{verb}", "POST", no_native)

    assert endpoint is not None
    assert (endpoint.format, endpoint.kind) == ("gemini", "chat")
    assert (endpoint.model, endpoint.stream) == (model.replace("%2F", "/"), streams)


@pytest.mark.parametrize("model", ["openai/gpt-4o", "ollama/llama3:8b"])
def test_a_name_with_a_slash_may_be_the_whole_path(model: str) -> None:
    endpoint = endpoints.find(f"/v1beta/{model}:streamGenerateContent", "POST", no_native)
    assert endpoint is not None
    assert (endpoint.format, endpoint.model, endpoint.stream) == ("gemini", model, True)


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/gpt-4o:generateContent",
        "/openai/gpt-4o:generateContent",
        "/v1beta/openai/gpt-4o:doOdd",
        "/v1beta/models/:generateContent",
        "/v1beta/modelsx",
        "/v1beta/models/",
        "/v3/models/m:generateContent",
        "/models",
        "/models/gpt-4o",
        "/v1beta/tunedModels/m:generateContent",
    ],
)
def test_other_paths_are_not_taken_for_gemini(path: str) -> None:
    endpoint = endpoints.find(path, "POST", no_native)

    assert endpoint is None or endpoint.about == "models"


@pytest.mark.parametrize(
    ("query", "format_"),
    [
        ("alt=sse", "gemini"),
        ("key=k&alt=sse", "gemini"),
        ("$alt=sse", "gemini"),
        ("", "gemini.array"),
        ("alt=json", "gemini.array"),
        ("xalt=sse", "gemini.array"),
    ],
)
def test_the_query_decides_how_a_stream_is_framed(query: str, format_: str) -> None:
    endpoint = endpoints.find(STREAM, "POST", no_native)

    assert endpoint is not None
    assert endpoints.framed(endpoint, query).format == format_


class TestKeys:
    async def test_a_key_in_the_query_is_taken(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        await yard.open()
        path = WHOLE.format(model="openai/gpt-4o") + f"?key={yard.key}"
        answer = await yard.call(path, HI, headers={"authorization": ""})
        assert answer.status == 401  # an empty bearer is there, and wins
        async with yard.raw() as client:
            client.ask(path, HI)
            reply = await client.answer()
            assert reply.status == 200
        assert openai.last.prompt == "hi"
        assert yard.key not in yard.last.exchange.inbound.query

    async def test_a_key_in_the_header_is_taken(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        await yard.open()
        async with yard.raw() as client:
            client.ask(
                WHOLE.format(model="openai/gpt-4o"), HI, headers={"x-goog-api-key": yard.key}
            )
            assert (await client.answer()).status == 200

    async def test_a_key_in_another_field_of_the_query_is_refused(self, yard: Yard) -> None:
        await yard.open()
        answer = await yard.call(WHOLE.format(model="mock") + f"?x={yard.key}", HI)
        assert answer.status == 400
        assert answer.json["error"]["stockyard"]["code"] == "secret_in_url"

    @pytest.mark.parametrize(
        "key",
        [
            "sk-sy-unknown",
            "sk-sy-%E2%82%AC",
            "sk-sy-%00",
            "sk-sy-%FF%0D%0A",
            "AIza%E2%82%AC",
            "%25",
        ],
    )
    async def test_s05_an_unknown_key_is_refused_in_the_words_of_the_path(
        self, yard: Yard, key: str
    ) -> None:
        await yard.open()
        async with yard.raw() as client:
            client.ask(WHOLE.format(model="mock") + f"?key={key}", HI)
            reply = await client.answer()
        assert reply.status == 401
        assert json.loads(reply.body)["error"]["status"] == "UNAUTHENTICATED"


class TestLists:
    @pytest.mark.parametrize(
        ("path", "headers"),
        [
            ("/v1beta/models", {}),
            ("/v1alpha/models", {}),
            ("/v1/models", {"x-goog-api-client": "google-genai-sdk/3"}),
            ("/v1/models?key=k", {}),
        ],
    )
    async def test_models_are_listed_as_gemini_lists_them(
        self, yard: Yard, path: str, headers: dict[str, str]
    ) -> None:
        answer = await yard.get(path, headers=headers)
        assert answer.status == 200
        names = {model["name"] for model in answer.json["models"]}
        assert "models/mock" in names

    async def test_a_single_model_is_shown(self, yard: Yard) -> None:
        yard.provider("openai")
        assert (await yard.get("/v1beta/models/mock")).json["name"] == "models/mock"
        missing = await yard.get("/v1beta/models/nobody%2Fknows")
        assert missing.status == 404
        assert missing.json["error"]["status"] == "NOT_FOUND"

    async def test_an_unknown_path_is_refused_in_this_format(self, yard: Yard) -> None:
        answer = await yard.call("/v1beta/x", b"{}")
        assert answer.status == 404
        assert answer.json["error"]["status"] == "NOT_FOUND"

    @pytest.mark.parametrize(
        ("body", "param"), [(b"{}", "contents"), (b'{"contents": 5}', "contents")]
    )
    async def test_a_body_that_is_none_is_400(self, yard: Yard, body: bytes, param: str) -> None:
        answer = await yard.call(WHOLE.format(model="mock"), body)
        assert answer.status == 400
        assert answer.json["error"]["status"] == "INVALID_ARGUMENT"
        assert param in answer.json["error"]["message"]
