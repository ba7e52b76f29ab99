"""Which providers there are, and what an operator may change."""

import re
from typing import Any

import msgspec
import pytest

from stockyard.core.kind import Kind
from stockyard.errors import CannotStart, Refused
from stockyard.providers import auth
from stockyard.providers.catalog import RESERVED, Catalog, load
from stockyard.providers.provider import Provider
from stockyard.providers.quirks import names as quirk_names
from stockyard.providers.row import Row, shipped_rows

FORMATS = frozenset({"openai.chat", "anthropic.messages", "openai.embeddings", "cohere.rerank"})
ROWS = shipped_rows()


CATALOG = load()


def known(name: str, catalog: Catalog = CATALOG) -> Provider:
    provider = catalog.get(name)
    assert provider is not None
    return provider


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_sound(name: str) -> None:
    row = ROWS[name]

    assert name not in RESERVED
    assert not row.base_url.endswith("/")
    assert [scheme for scheme in row.auth if not auth.known(scheme)] == []
    assert [quirk for quirk in row.quirks if not quirk_names.known(quirk)] == []
    assert len(set(row.quirks)) == len(row.quirks)
    assert set(row.unverified) <= {*row.speaks, *row.endpoints}
    assert row.env or "none" in row.auth or not row.verified, "nobody could configure it"
    assert set(re.findall(r"\{([a-z_]+)\}", row.base_url)) <= {*row.settings, *row.derived}
    assert row.transport != "http" or row.docs.startswith("https://")


def test_no_two_rows_claim_the_same_models() -> None:
    globs = [glob for row in ROWS.values() for glob in row.models]
    literal = [glob for glob in globs if "*" not in glob]

    assert len(set(globs)) == len(globs)
    assert len(set(literal)) == len(literal)


def test_all_rows_are_there_in_their_order() -> None:
    assert [p.name for p in CATALOG] == list(ROWS)
    assert len(CATALOG) > 100
    assert "openai" in CATALOG
    assert CATALOG.get("nobody") is None


@pytest.mark.parametrize(
    ("provider", "wanted", "spoken"),
    [
        ("openai", "openai.chat", "openai.chat"),
        ("openai", "anthropic.messages", "openai.chat"),
        ("anthropic", "openai.chat", "anthropic.messages"),
        ("deepseek", "anthropic.messages", "anthropic.messages"),
        ("moonshot", "anthropic.messages", "openai.chat"),  # its Messages path is unverified
        ("gemini", "openai.chat", "openai.chat"),  # what it likes best has no codec here
        ("voyage", "openai.chat", None),
        ("bedrock", "openai.chat", None),  # only for some of its models, so never by itself
    ],
)
def test_the_callers_own_format_is_spoken_where_it_is_certain(
    provider: str, wanted: str, spoken: str | None
) -> None:
    assert known(provider).format_for(wanted, FORMATS) == spoken


@pytest.mark.parametrize(
    ("provider", "kind", "serves"),
    [
        ("openai", "chat", True),
        ("openai", "embeddings", True),
        ("voyage", "chat", False),
        ("voyage", "embeddings", False),  # no codec for its format
        ("cohere", "rerank", True),
        ("novita", "rerank", False),  # unverified
        ("anthropic", "images", False),
    ],
)
def test_says_which_kinds_of_call_it_serves(provider: str, kind: str, serves: bool) -> None:
    assert known(provider).serves(kind, FORMATS) is serves


@pytest.mark.parametrize(
    ("provider", "kind", "serves"),
    [
        ("openai", "audio", True),  # an entry for each sort of sound, and none of that name
        ("openai", "embeddings", True),
        ("openai", "chat", True),
        ("openai", "rerank", False),
        ("anthropic", "audio", False),
    ],
)
def test_a_kind_may_have_several_endpoints(provider: str, kind: Kind, serves: bool) -> None:
    assert known(provider).serves_kind(kind, FORMATS | {"openai.speech"}) is serves


def test_a_codec_that_comes_later_can_be_chosen_at_once() -> None:
    assert known("gemini").format_for("gemini", FORMATS | {"gemini"}) == "gemini"


def test_an_entry_may_want_the_secret_in_another_way() -> None:
    gemini = known("gemini")

    assert gemini.speaks["gemini"].scheme(with_secret=True) == "header:x-goog-api-key"
    assert gemini.speaks["openai.chat"].scheme(with_secret=True) == "bearer"


def test_a_local_server_gets_a_secret_only_if_there_is_one() -> None:
    ollama = known("ollama").speaks["openai.chat"]

    assert ollama.scheme(with_secret=False) == "none"
    assert ollama.scheme(with_secret=True) == "bearer"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("llama", "/t/deployments/v2/llms/llama/v1/chat/completions"),
        ("org/llama", "/t/deployments/v2/llms/org/llama/v1/chat/completions"),
        ("a b?x#y", "/t/deployments/v2/llms/a%20b%3Fx%23y/v1/chat/completions"),
        ("../admin", None),
        ("a/../b", None),
        ("a//b", None),
        ("", None),
    ],
)
def test_a_model_name_cannot_lead_to_another_path(model: str, path: str | None) -> None:
    predibase = known("predibase", load({"predibase": {"values": {"tenant": "t"}}}))
    entry = predibase.speaks["openai.chat"]

    if path is None:
        with pytest.raises(Refused) as refused:
            entry.path_for(model)
        assert refused.value.code == "model_not_found"
    else:
        assert entry.path_for(model) == path


@pytest.mark.parametrize("value", ["evil.example/x", "a@evil.example", "a?b", "a#b", "a b", "{x}"])
def test_a_setting_cannot_change_what_an_address_is(value: str) -> None:
    with pytest.raises(CannotStart) as stopped:
        load(environ={"AWS_REGION": value})

    assert stopped.value.exit_code == 78
    assert "bedrock" in stopped.value.message


@pytest.mark.parametrize("profile", ["my profile", "ann@work", "a/b:c"])
def test_a_setting_that_stands_in_no_address_may_be_anything(profile: str) -> None:
    found = load({"bedrock": {"values": {"region": "eu-west-1", "profile": profile}}})
    assert known("bedrock", found).values["profile"] == profile


@pytest.mark.parametrize(
    ("environ", "host"),
    [
        ({}, "us.inference.heroku.com"),
        ({"HEROKU_INFERENCE_URL": ""}, "us.inference.heroku.com"),
        ({"HEROKU_INFERENCE_URL": "https://eu.inference.heroku.com"}, "eu.inference.heroku.com"),
    ],
)
def test_what_nobody_gives_may_have_a_usual_value(environ: dict[str, str], host: str) -> None:
    found = known("heroku", load(environ=environ))
    assert (found.base_url, found.missing) == (f"https://{host}/v1", ())


@pytest.mark.parametrize(
    ("environ", "base_url", "missing"),
    [
        ({}, "https://{host}/openai/v1", ("host",)),
        (
            {"AZURE_OPENAI_ENDPOINT": "https://my.openai.azure.com/"},
            "https://my.openai.azure.com/openai/v1",
            (),
        ),
        (
            {"AZURE_OPENAI_ENDPOINT": "my.openai.azure.com"},
            "https://my.openai.azure.com/openai/v1",
            (),
        ),
    ],
)
def test_placeholders_are_filled_from_the_environment(
    environ: dict[str, str], base_url: str, missing: tuple[str, ...]
) -> None:
    azure = known("azure", load(environ=environ))

    assert azure.base_url == base_url
    assert azure.missing == missing


def test_any_field_of_a_row_can_be_changed() -> None:
    openai = known(
        "openai", load({"openai": {"models": ["mine-*"], "title": "Ours", "quirks": []}})
    )

    assert (openai.models, openai.title, openai.named) == (("mine-*",), "Ours", True)


def test_a_disabled_provider_is_not_there() -> None:
    assert "openai" not in load({"openai": {"enabled": False}})


def test_keys_that_are_not_about_the_row_are_left_to_others() -> None:
    given = {"api_key": "x", "timeout": {"connect": "5s"}, "data_policy": {"trains": False}}

    assert known("openai", load({"openai": given})).title == "OpenAI"


def test_what_a_row_never_confirmed_is_chosen_once_the_operator_says_so() -> None:
    moonshot = known("moonshot", load({"moonshot": {"unverified": []}}))

    assert moonshot.format_for("anthropic.messages", FORMATS) == "anthropic.messages"


@pytest.mark.parametrize(
    ("kind", "base_url", "path"),
    [
        ("openai.chat", "https://llm.example/v1", "/v1/chat/completions"),
        ("openai.chat", "https://llm.example/v1/", "/v1/chat/completions"),
        ("anthropic.messages", "https://llm.example", "/v1/messages"),
        ("anthropic.messages", "https://llm.example/v1", "/v1/messages"),
    ],
)
def test_a_provider_that_the_catalog_does_not_have_needs_a_format_and_an_address(
    kind: str, base_url: str, path: str | None
) -> None:
    given = {"kind": kind, "base_url": base_url, "allow_private": True}
    house = known("house", load({"house": given}))

    assert house.speaks[kind].path == path
    assert house.allow_private


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("house", {"base_url": "https://x.example"}, "kind"),
        ("house", {"kind": "openai.chat"}, "base_url"),
        ("house", {"kind": "telepathy", "base_url": "https://x.example"}, "kind"),
        ("api", {"kind": "openai.chat", "base_url": "https://x.example"}, "name"),
        ("My-House", {"kind": "openai.chat", "base_url": "https://x.example"}, "name"),
        ("openai", {"base_url": "ftp://x.example"}, "address"),
        ("openai", {"base_url": "https://user:pw@x.example"}, "address"),
        ("openai", {"base_url": "https://x.example?y=1"}, "address"),
        ("openai", {"bse_url": "https://x.example"}, "bse_url"),
        ("openai", {"kind": "anthropic.messages"}, "does not speak"),
        ("openai", {"kind": "telepathy"}, "does not speak"),
        ("openai", {"models": "gpt-*"}, "models"),
        ("openai", {"auth": ["smoke_signals"]}, "auth"),
        ("openai", {"quirks": ["be_nice"]}, "quirk"),
        ("openai", {"unverified": ["telepathy"]}, "unverified"),
        ("openai", {"enabled": "perhaps"}, "enabled"),
    ],
)
def test_a_bad_row_stops_the_start_with_its_name(
    name: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(CannotStart) as stopped:
        load({name: given})

    assert stopped.value.exit_code == 78
    assert name in stopped.value.message
    assert said in stopped.value.message


def test_a_provider_that_moved_is_not_looked_for_on_its_old_hosts() -> None:
    moved = known("moonshot", load({"moonshot": {"base_url": "https://proxy.example/v1"}}))
    cohere = known("cohere", load({"cohere": {"base_url": "https://proxy.example/v2"}}))

    assert moved.speaks["anthropic.messages"].origin == "https://proxy.example"
    assert "openai.chat" not in cohere.speaks  # it stands on a third host
    for provider in (moved, cohere):
        assert origins(provider) == {"https://proxy.example"}


def test_an_operator_may_name_another_host_for_one_entry() -> None:
    given = {
        "base_url": "https://proxy.example/v1",
        "speaks": {"openai.chat": "https://other.example/chat"},
    }
    moved = known("openai", load({"openai": given}))

    assert moved.speaks["openai.chat"].origin == "https://other.example"


def origins(provider: Provider) -> set[str]:
    return {e.origin for e in (*provider.speaks.values(), *provider.endpoints.values())}


@pytest.mark.parametrize(
    ("model", "traits"),
    [
        ("grok-4-fast-reasoning", {"reasoning"}),
        ("grok-4-fast-non-reasoning", set()),
        ("grok-3", set()),
    ],
)
def test_what_is_peculiar_to_a_model_is_data(model: str, traits: set[str]) -> None:
    assert known("xai").traits_of(model) == traits


def test_a_longer_name_is_never_taken_for_a_shorter_one() -> None:
    openai = known("openai")

    assert openai.claims("gpt-4o-mini-2024-07-18") == len("gpt-")
    assert openai.claims("whisper-1") == len("whisper-1") + 1  # literal, so it beats any glob
    assert openai.claims("claude-x") is None


def test_only_rows_are_in_the_file() -> None:
    assert all(isinstance(row, Row) for row in ROWS.values())
    assert msgspec.json.decode(msgspec.json.encode(ROWS["openai"]), type=Row) == ROWS["openai"]
