"""The path table of native routes (`wire.md` 2.3)."""

import re

import pytest

from stockyard.providers.catalog import load
from stockyard.providers.paths import LONGEST_REMEMBERED, kept_query, resolve
from stockyard.providers.provider import Provider
from stockyard.providers.row import CUSTOMARY

VALUES = {
    "host": "h.example",
    "region": "eu-1",
    "account": "a",
    "account_id": "a",
    "tenant": "t",
    "project": "p",
    "location": "l",
    "deployment": "d",
}
CATALOG = load(
    {p.name: {"values": {name: VALUES[name] for name in p.missing}} for p in load() if p.missing}
    | {"house": {"kind": "openai.chat", "base_url": "https://llm.example/a/b/v1"}}
)
RELAYED = load(
    {
        "gemini": {"base_url": "https://relay.example/for/gemini/v1beta"},
        "cohere": {"base_url": "https://relay.example/cohere/v2"},
        "groq": {"base_url": "https://relay.example/groq/openai/v1"},
    }
)
"""The same providers through somebody who serves many of them."""
NAMES = [p.name for p in CATALOG]


def known(name: str) -> Provider:
    provider = CATALOG.get(name)
    assert provider is not None
    return provider


def asked(line: str) -> tuple[str, str]:
    name, _, rest = line[1:].partition("/")
    return name, "/" + rest


@pytest.mark.parametrize(
    ("asked_for", "sent", "format_", "endpoint"),
    [
        # The same thing, however it is spelled.
        ("/openai/chat/completions", "/v1/chat/completions", "openai.chat", "openai.chat"),
        ("/openai/v1/chat/completions", "/v1/chat/completions", "openai.chat", "openai.chat"),
        ("/groq/chat/completions", "/openai/v1/chat/completions", "openai.chat", "openai.chat"),
        ("/groq/v1/chat/completions", "/openai/v1/chat/completions", "openai.chat", "openai.chat"),
        (
            "/groq/openai/v1/chat/completions",
            "/openai/v1/chat/completions",
            "openai.chat",
            "openai.chat",
        ),
        ("/anthropic/messages", "/v1/messages", "anthropic.messages", "anthropic.messages"),
        ("/anthropic/v1/messages", "/v1/messages", "anthropic.messages", "anthropic.messages"),
        ("/deepseek/v1/chat/completions", "/chat/completions", "openai.chat", "openai.chat"),
        (
            "/deepseek/v1/messages",
            "/anthropic/v1/messages",
            "anthropic.messages",
            "anthropic.messages",
        ),
        (
            "/perplexity/embeddings",
            "/v1/embeddings",
            "perplexity.embed",
            "embeddings",
        ),
        ("/perplexity/v1/chat/completions", "/chat/completions", "openai.chat", "openai.chat"),
        ("/house/v1/chat/completions", "/a/b/v1/chat/completions", "openai.chat", "openai.chat"),
        ("/house/b/v1/x", "/a/b/v1/x", None, ""),
        ("/house/a/x", "/a/x", None, ""),
        # Paths of the provider's own.
        ("/mistral/v1/fim/completions", "/v1/fim/completions", None, "fim"),
        ("/ollama/api/chat", "/api/chat", "ollama.chat", "ollama.chat"),
        ("/openai/files/file-1/content", "/v1/files/file-1/content", None, ""),
        ("/openai/v1/files/file-1/content", "/v1/files/file-1/content", None, ""),
        ("/anthropic/v1/complete", "/v1/complete", None, ""),
        ("/groq/v1/fine_tunings", "/openai/v1/fine_tunings", None, ""),
        ("/groq/openai/v1/fine_tunings", "/openai/v1/fine_tunings", None, ""),
        (
            "/azure/openai/deployments/d/chat/completions",
            "/openai/deployments/d/chat/completions",
            "openai.chat",
            "openai.chat",
        ),
        (
            "/azure/openai/deployments/d/embeddings",
            "/openai/deployments/d/embeddings",
            "openai.embeddings",
            "embeddings",
        ),
        (
            "/azure/openai/deployments/d/audio/transcriptions",
            "/openai/deployments/d/audio/transcriptions",
            "openai.transcriptions",
            "transcriptions",
        ),
        ("/azure/openai/files", "/openai/files", "openai.files", "files"),
        ("/azure/openai/v1/files", "/openai/v1/files", "openai.files", "files"),
        ("/azure/openai/files/f/content", "/openai/files/f/content", None, ""),
        # The caller's own version is respected.
        ("/cohere/v2/chat", "/v2/chat", "cohere.chat", "cohere.chat"),
        ("/cohere/chat", "/v2/chat", "cohere.chat", "cohere.chat"),
        ("/cohere/v1/chat", "/v1/chat", None, ""),  # other bodies than /v2/chat
        ("/gemini/v1/models/g:generateContent", "/v1/models/g:generateContent", "gemini", "gemini"),
        (
            "/gemini/v1beta/models/g:streamGenerateContent",
            "/v1beta/models/g:streamGenerateContent",
            "gemini",
            "gemini",
        ),
        (
            "/gemini/models/g:generateContent",
            "/v1beta/models/g:generateContent",
            "gemini",
            "gemini",
        ),
        ("/gemini/v1/models", "/v1/models", None, "models"),
        ("/gemini/upload/v1beta/files", "/upload/v1beta/files", None, "uploads"),
        (
            "/gemini/download/v1beta/files/x:download",
            "/download/v1beta/files/x:download",
            "gemini.files",
            "files",
        ),
        ("/gemini/upload/v1/files", "/upload/v1/files", None, "uploads"),
        (
            "/gemini/upload/v1/fileSearchStores/s:uploadToFileSearchStore",
            "/upload/v1/fileSearchStores/s:uploadToFileSearchStore",
            None,
            "store_uploads",
        ),
        ("/gemini/upload/v1/other", "/v1beta/upload/v1/other", None, ""),
        (
            "/gemini/v1beta/openai/chat/completions",
            "/v1beta/openai/chat/completions",
            "openai.chat",
            "openai.chat",
        ),
        (
            "/gemini/models/g:countTokens",
            "/v1beta/models/g:countTokens",
            "gemini.count",
            "count_tokens",
        ),
        (
            "/gemini/models/g:embedContent",
            "/v1beta/models/g:embedContent",
            "gemini.embed_content",
            "embed_content",
        ),
        ("/openai/v2/things", "/v2/things", None, ""),
        ("/anthropic/v2/things", "/v2/things", None, ""),
        ("/groq/v2/things", "/openai/v1/v2/things", None, ""),
        ("/mistral/v2/prompts", "/v2/prompts", None, ""),
        (
            "/mistral/v1/responses/input_tokens",
            "/v1/responses/input_tokens",
            "openai.input_tokens",
            "count_tokens",
        ),
        ("/together/v2/projects/p/endpoints", "/v2/projects/p/endpoints", None, ""),
    ],
)
def test_a_path_is_understood_however_a_client_spells_it(
    asked_for: str, sent: str, format_: str | None, endpoint: str
) -> None:
    name, rest = asked(asked_for)

    found = resolve(known(name), rest)

    assert found is not None
    assert (found.path, found.format, found.endpoint) == (sent, format_, endpoint)


@pytest.mark.parametrize(
    ("asked_for", "sent", "format_"),
    [
        ("/gemini/v1beta/models/g:generateContent", "{}/v1beta/models/g:generateContent", "gemini"),
        ("/gemini/v1/models/g:generateContent", "{}/v1/models/g:generateContent", "gemini"),
        ("/gemini/models/g:generateContent", "{}/v1beta/models/g:generateContent", "gemini"),
        ("/cohere/v2/chat", "{}/v2/chat", "cohere.chat"),
        ("/cohere/v1/chat", "{}/v1/chat", None),
        ("/groq/openai/v1/chat/completions", "{}/openai/v1/chat/completions", "openai.chat"),
        ("/groq/v1/chat/completions", "{}/openai/v1/chat/completions", "openai.chat"),
        ("/groq/openai/v1/fine_tunings", "{}/openai/v1/fine_tunings", None),
    ],
)
def test_a_base_url_with_a_path_of_its_own_changes_nothing_else(
    asked_for: str, sent: str, format_: str | None
) -> None:
    name, rest = asked(asked_for)
    provider = RELAYED.get(name)
    assert provider is not None

    found = resolve(provider, rest)

    own = {"gemini": "/for/gemini", "cohere": "/cohere", "groq": "/groq"}[name]
    assert found is not None
    assert (found.path, found.format) == (sent.format(own), format_)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_path_that_names_its_project_is_not_below_that_of_the_base_url(version: str) -> None:
    base_url = "https://relay.example/v1/projects/p/locations/l"
    provider = load({"vertex": {"base_url": base_url}}).get("vertex")
    assert provider is not None
    path = f"/{version}/projects/p/locations/l/publishers/google/models/g:generateContent"

    ours = resolve(provider, path)
    theirs = resolve(provider, path.replace("/p/", "/another/"))

    assert ours is not None
    assert theirs is not None
    assert (ours.path, ours.format) == (path, "gemini")
    assert theirs.path == path.replace("/p/", "/another/")


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_reached_by_its_own_path_and_without_the_providers_prefix(name: str) -> None:
    provider = known(name)
    for entry in (*provider.speaks.values(), *provider.endpoints.values()):
        path = entry.path.replace("{model}", "m").replace("{voice}", "v").replace("{engine}", "e")
        path = re.sub(r"\{verb:([^|}]*)\|[^}]*\}", r"\1", path).replace("{verb}", "infer")
        spellings = {path}
        if provider.prefix and path.startswith(provider.prefix + "/"):
            spellings.add(path[len(provider.prefix) :])
        for spelling in spellings:
            found = resolve(provider, spelling)
            assert found is not None
            assert (found.path, found.origin) == (path, entry.origin)
            assert found.entry is not None


@pytest.mark.parametrize("name", NAMES)
def test_what_sdks_send_reaches_the_format_with_and_without_a_version(name: str) -> None:
    provider = known(name)
    for format_, customary in CUSTOMARY.items():
        entry = provider.speaks.get(format_)
        if entry is None or "{" in entry.path:
            continue
        for spelling in (customary, "/v1" + customary):
            found = resolve(provider, spelling)
            assert found is not None
            assert (found.format, found.path, found.kind) == (format_, entry.path, entry.kind)


@pytest.mark.parametrize(
    "rest",
    [
        "/../x",
        "/x/..",
        "/./x",
        "/x/.",
        "//x",
        "/x//y",
        "/%2e%2e/x",
        "/.%2E/x",
        "/x%2fy",
        "/x\\y",
        "/x%5cy",
        "/x?y",
        "/x#y",
        "/x\ry",
        "/x%0d%0ay",
        "/x%00",
        "/x%zz",
        "x",
        "",
    ],
)
def test_a_path_that_could_mean_another_is_found_nowhere(rest: str) -> None:
    assert [p.name for p in CATALOG if resolve(p, rest) is not None] == []


def test_an_encoded_slash_is_kept_where_model_names_have_one() -> None:
    found = resolve(known("bedrock"), "/model/arn%3Aaws%3Ax%2Fy/converse")

    assert found is not None
    assert found.path == "/model/arn%3Aaws%3Ax%2Fy/converse"
    assert (found.model, found.verb) == ("arn%3Aaws%3Ax%2Fy", "converse")


@pytest.mark.parametrize(
    ("rest", "model", "verb"),
    [
        ("/v1beta/models/openai/gpt-4o:generateContent", "openai/gpt-4o", "generateContent"),
        ("/v1beta/models/a:b:streamGenerateContent", "a:b", "streamGenerateContent"),
    ],
)
def test_a_model_in_a_path_may_have_slashes_before_the_last_colon(
    rest: str, model: str, verb: str
) -> None:
    found = resolve(known("gemini"), rest)

    assert found is not None
    assert (found.model, found.verb) == (model, verb)


def test_an_entry_on_another_host_is_called_there() -> None:
    found = resolve(known("cohere"), "/compatibility/v1/chat/completions")

    assert found is not None
    assert found.origin == "https://api.cohere.ai"


def test_the_answer_is_remembered_unless_the_path_is_long() -> None:
    provider = known("openai")
    long = "/" + "x" * LONGEST_REMEMBERED

    assert resolve(provider, "/models") is resolve(provider, "/models")
    assert resolve(provider, long) is not resolve(provider, long)
    assert resolve(provider, long) == resolve(provider, long)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", ""),
        ("beta=true", "beta=true"),
        ("key=s3cret", ""),
        ("alt=sse&key=s3cret&x=%20", "alt=sse&x=%20"),
        ("KEY=s3cret&api_key=s3cret&monkey=1", "monkey=1"),
        ("%6bey=s3cret&k%65y&access_token=s3cret&subscription-key=s3cret", ""),
        ("$httpMethod=GET&%24httpHeaders=x-a:b&$alt=sse", "$alt=sse"),
    ],
)
def test_credentials_are_taken_out_of_a_query(query: str, kept: str) -> None:
    assert kept_query(query) == kept
