"""Which Targets a model name leads to."""

from typing import Any

import pytest

from stockyard.core.kind import Kind
from stockyard.core.target import Credential, Secret, Target
from stockyard.errors import CannotStart
from stockyard.providers.catalog import load
from stockyard.providers.credentials import HeldCredential, held_from_environment
from stockyard.providers.directory import LONGEST_NAME, REMEMBERED, Directory
from stockyard.providers.group import Group
from stockyard.providers.prices import PriceList

FORMATS = frozenset(
    {"openai.chat", "anthropic.messages", "openai.embeddings", "openai.moderations"}
)


def a_directory(
    *variables: str, overrides: dict[str, dict[str, Any]] | None = None, **more: Any
) -> Directory:
    environ = {variable: f"secret-of-{variable}" for variable in variables}
    catalog = load(overrides, environ)
    return Directory(catalog, held_from_environment(catalog, environ), formats=FORMATS, **more)


class Sold:
    """A price list in which these providers sell these models."""

    def __init__(self, **models: list[str]) -> None:
        self._models = models

    def models(self, provider: str) -> dict[str, Kind]:
        return dict.fromkeys(self._models.get(provider, []), "chat")

    def sells(self, provider: str, model: str) -> bool:
        return model in self.models(provider)


def names(targets: tuple[Target, ...]) -> list[str]:
    return [target.name for target in targets]


@pytest.mark.parametrize(
    ("model", "kind", "target"),
    [
        ("openai/gpt-4o", "chat", "openai/gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "chat", "openai/gpt-4o-mini-2024-07-18"),
        ("ft:gpt-4o-mini:acme::x1", "chat", "openai/ft:gpt-4o-mini:acme::x1"),
        ("ft:open-mistral-7b:x1", "chat", None),  # nobody configured it
        ("claude-sonnet-4-5", "chat", "anthropic/claude-sonnet-4-5"),
        ("groq/llama-3.3-70b-versatile", "chat", "groq/llama-3.3-70b-versatile"),
        ("openrouter/anthropic/claude-x", "chat", "openrouter/anthropic/claude-x"),
        ("text-embedding-3-small", "embeddings", "openai/text-embedding-3-small"),
        ("fast", "chat", "groq/llama-3.3-70b-versatile"),
        ("loop", "chat", None),
        ("mistral-large", "chat", None),  # nobody configured it
        ("mistral/mistral-large", "chat", None),
        ("claude-sonnet-4-5", "embeddings", None),
        ("anthropic/claude-sonnet-4-5", "embeddings", None),
        ("nobody/x", "chat", None),
        ("GPT-4o", "chat", None),
        ("openai/", "chat", None),
        ("", "chat", None),
        ("x" * (LONGEST_NAME + 1), "chat", None),
        ("mock", "chat", "mock/echo"),
        ("mock/slow", "chat", "mock/slow"),
        ("mock/a/b", "chat", "mock/a/b"),
        ("mock", "embeddings", "mock/echo"),
    ],
)
def test_a_model_name_leads_to_one_provider_or_to_none(
    model: str, kind: str, target: str | None
) -> None:
    directory = a_directory(
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "GROQ_API_KEY",
        "OPENROUTER_API_KEY",
        aliases={
            "fast": Group(["groq/llama-3.3-70b-versatile"]),
            "loop": Group(["pool"]),
            "pool": Group(["loop"]),
        },
    )

    assert names(directory.targets(model, kind)) == ([target] if target else [])


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        (["gpt-*"], ["gpt-4*"], "second"),
        (["gpt-4*"], ["gpt-*"], "first"),
        (["gpt-4o"], ["gpt-4o*"], "first"),
        (["gpt-*"], ["gpt-*"], "first"),  # the order of the file decides
        (["*"], ["gpt-4?"], "second"),
    ],
)
def test_the_longest_literal_beginning_wins(
    first: list[str], second: list[str], winner: str
) -> None:
    house = {"kind": "openai.chat", "base_url": "https://x.example", "auth": ["none"]}
    overrides = {"first": {**house, "models": first}, "second": {**house, "models": second}}

    assert names(a_directory(overrides=overrides).targets("gpt-4o", "chat")) == [f"{winner}/gpt-4o"]


def test_an_exact_name_in_the_price_list_beats_every_glob() -> None:
    directory = a_directory(
        "OPENAI_API_KEY", "GROQ_API_KEY", priced=Sold(nobody=["gpt-oss"], groq=["gpt-oss"])
    )

    assert names(directory.targets("gpt-oss", "chat")) == ["groq/gpt-oss"]
    assert names(directory.elsewhere(Target("groq", "gpt-oss"), "chat")) == []


def test_of_several_who_sell_a_model_the_one_that_claims_it_is_called() -> None:
    grok = ["grok-4"]
    directory = a_directory("GROQ_API_KEY", "XAI_API_KEY", priced=Sold(groq=grok, xai=grok))

    assert names(directory.targets("grok-4", "chat")) == ["xai/grok-4"]
    assert {"xai"} == {m.provider for m in directory.listing() if m.id == "grok-4"}


def test_the_same_model_is_looked_for_at_others_that_offer_it() -> None:
    llama = ["llama-3.3-70b"]
    priced = Sold(groq=llama, cerebras=llama, together=llama)
    directory = a_directory("GROQ_API_KEY", "CEREBRAS_API_KEY", priced=priced)

    (target,) = directory.targets("llama-3.3-70b", "chat")

    assert target.provider == "groq"
    assert names(directory.elsewhere(target, "chat")) == ["cerebras/llama-3.3-70b"]
    assert directory.elsewhere(target, "images") == ()


def test_every_credential_of_a_provider_is_a_target_of_its_own_in_order() -> None:
    catalog = load()
    held = [
        HeldCredential(Credential(name, "openai", Secret(name)), "https://api.openai.com")
        for name in "ab"
    ]

    found = Directory(catalog, held, formats=FORMATS).targets("gpt-4o", "chat")

    assert [t.credential.id for t in found if t.credential] == ["a", "b"]


def test_a_credential_is_not_used_after_its_provider_moved() -> None:
    environ = {"OPENAI_API_KEY": "sk-secret"}
    held = held_from_environment(load(), environ)
    moved = load({"openai": {"base_url": "https://elsewhere.example/v1"}})

    assert Directory(load(), held, formats=FORMATS).credentials("openai")
    assert Directory(moved, held, formats=FORMATS).credentials("openai") == ()
    assert Directory(moved, held, formats=FORMATS).targets("gpt-4o", "chat") == ()
    entered_again = held_from_environment(moved, environ)
    assert Directory(moved, entered_again, formats=FORMATS).targets("gpt-4o", "chat")


def test_a_provider_without_an_address_is_not_configured() -> None:
    assert a_directory("AZURE_OPENAI_API_KEY").configured() == []


def test_the_environment_configures_providers_by_the_first_variable_that_is_set() -> None:
    catalog = load()
    environ = {"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": " secret\n", "PATH": "/bin"}

    (held,) = held_from_environment(catalog, environ)

    assert held.credential.id == "env:GOOGLE_API_KEY"
    assert held.credential.secret.reveal() == "secret"
    assert held.origin == "https://generativelanguage.googleapis.com"


def test_a_secret_that_no_header_can_carry_stops_the_start_without_being_shown() -> None:
    with pytest.raises(CannotStart) as stopped:
        held_from_environment(load(), {"OPENAI_API_KEY": "sk-pässword"})

    assert stopped.value.exit_code == 78
    assert "OPENAI_API_KEY" in stopped.value.message
    assert "pässword" not in stopped.value.message


def test_a_local_server_is_configured_when_the_operator_names_it() -> None:
    assert names(a_directory().targets("ollama/llama3.2", "chat")) == []

    directory = a_directory(overrides={"ollama": {}})

    (target,) = directory.targets("ollama/llama3.2", "chat")
    assert target == Target("ollama", "llama3.2", None)
    assert [p.name for p in directory.configured()] == ["ollama"]


@pytest.mark.parametrize(
    ("model", "kind", "target"),
    [
        ("gpt-4o", "chat", "mock/gpt-4o"),
        ("openai/gpt-4o", "chat", "mock/openai/gpt-4o"),
        ("mock/slow", "chat", "mock/slow"),
        ("text-embedding-3-small", "embeddings", "mock/text-embedding-3-small"),
        ("omni-moderation-latest", "moderations", None),  # an answer would be invented
        ("mock", "moderations", "mock/echo"),
    ],
)
def test_in_trial_mode_the_mock_answers_for_any_model_what_is_not_invented(
    model: str, kind: str, target: str | None
) -> None:
    directory = a_directory(trial=True)

    assert directory.trial
    assert names(directory.targets(model, kind)) == ([target] if target else [])


def test_trial_mode_is_over_when_a_credential_exists() -> None:
    directory = a_directory("GROQ_API_KEY", trial=True)

    assert not directory.trial
    assert directory.targets("gpt-4o", "chat") == ()
    assert names(directory.targets("mock", "chat")) == ["mock/echo"]


def test_without_the_mock_nothing_is_made_up() -> None:
    directory = a_directory(mock=False, trial=True)

    assert not directory.trial
    assert not directory.has_provider("mock")
    assert directory.targets("mock", "chat") == ()
    assert directory.targets("gpt-4o", "chat") == ()


@pytest.mark.parametrize(
    ("model", "target"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("openai/ft:mine", "openai/ft:mine"),
        ("claude-x", None),
        ("anthropic/claude-x", None),
        ("something", None),
    ],
)
def test_a_callers_own_secret_is_used_for_models_of_its_provider_only(
    model: str, target: str | None
) -> None:
    own = Credential("own:1234", "openai", Secret("sk-own"), own=True)

    found = a_directory("ANTHROPIC_API_KEY").own_target(model, "chat", own)

    assert (found.name if found else None) == target
    assert found is None or found.credential is own


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("claude-x", "anthropic"),
        ("anthropic/claude-x", "anthropic"),
        ("smart", "anthropic"),
        ("loop", None),
        ("mistral/mistral-large", None),  # nobody configured it
        ("mock", "mock"),
        ("mock/slow", "mock"),
        ("something", None),
    ],
)
def test_who_takes_other_calls_for_a_model_is_known(model: str, provider: str | None) -> None:
    aliases = {"smart": Group(["claude-x"]), "loop": Group(["smart"])}
    lacking = a_directory("ANTHROPIC_API_KEY", aliases=aliases).lacking(model)
    assert (lacking.name if lacking else None) == provider


def test_near_names_are_offered_for_one_that_nobody_serves() -> None:
    priced = Sold(openai=["gpt-4o-mini", "gpt-4o"], anthropic=["claude-x"])
    directory = a_directory("OPENAI_API_KEY", priced=priced, aliases={"smart": Group(["gpt-4o"])})

    assert directory.near("gpt4o-mini")[0] == "gpt-4o-mini"
    assert directory.near("smrat") == ["smart"]
    assert directory.near("qqqqqqqq") == []
    assert directory.near("x" * 100_000) == []
    assert len(directory.near("gpt-4")) <= 5


def test_the_list_of_models_has_what_can_be_called_now() -> None:
    priced = Sold(openai=["gpt-4o", "meta/llama"], anthropic=["claude-x"])
    aliases = {
        "smart": Group(["gpt-4o"]),
        "vectors": Group(["text-embedding-3-small"]),
        "gone": Group(["claude-x"]),
    }
    directory = a_directory("OPENAI_API_KEY", priced=priced, aliases=aliases)

    listed = {model.id: model.provider for model in directory.listing()}

    assert listed["smart"] == listed["gpt-4o"] == listed["whisper-1"] == "openai"
    assert listed["vectors"] == "openai"
    assert listed["mock"] == "mock"
    assert listed["openai/meta/llama"] == "openai"  # meta/ is the name of another provider
    assert not {"gone", "claude-x"} & set(listed)
    assert len(listed) == len(directory.listing())


def test_each_listed_model_can_be_called_by_that_name_and_leads_to_its_provider() -> None:
    variables = [variable for provider in load() for variable in provider.env[:1]]
    prices = PriceList.bundled()
    directory = a_directory(*variables, priced=prices)

    listed = [model for model in directory.listing() if model.id != "mock"]

    assert len(listed) > 2_000
    for model in listed:
        offer = prices.offer(model.provider, model.model)
        if offer is None:  # a name that stands in the catalog only
            continue
        (target,) = directory.targets(model.id, offer.kind)
        assert (target.provider, target.model) == (model.provider, model.model)


def test_what_is_remembered_has_a_bound() -> None:
    directory = a_directory("OPENAI_API_KEY")
    for number in range(REMEMBERED + 10):
        directory.targets(f"gpt-{number}", "chat")

    assert len(directory._known) <= REMEMBERED
    assert directory.targets("gpt-1", "chat") is directory.targets("gpt-1", "chat")


def test_secrets_in_use_are_known_so_that_they_can_be_kept_in() -> None:
    assert list(a_directory("OPENAI_API_KEY").secrets()) == ["secret-of-OPENAI_API_KEY"]


@pytest.mark.parametrize(
    ("format_", "model", "found"),
    [
        ("ollama.chat", "llama3.2:latest", ["ollama/llama3.2:latest"]),
        ("ollama.generate", "llama3.2", ["ollama/llama3.2"]),
        ("ollama.chat", "library/llama3.2", ["ollama/library/llama3.2"]),
        ("ollama.chat", "anthropic/claude", []),
        ("ollama.chat", "", []),
        ("openai.chat", "llama3.2", []),
        ("anthropic.messages", "llama3.2", []),
    ],
)
def test_a_name_that_nobody_serves_has_a_home_for_some_clients(
    format_: str, model: str, found: list[str]
) -> None:
    directory = a_directory("OPENAI_API_KEY", overrides={"ollama": {}})
    assert names(directory.targets(model, "chat")) == []
    assert names(directory.at_home(model, format_, "chat")) == found
    assert a_directory("OPENAI_API_KEY").at_home(model, format_, "chat") == ()


@pytest.mark.parametrize(
    ("kind", "base_url", "path"),
    [
        ("cohere.chat", "https://x.example", "/v2/chat"),
        ("cohere.chat", "https://x.example/v2", "/v2/chat"),
        ("ollama.chat", "http://x.example:11434", "/api/chat"),
        ("ollama.chat", "http://x.example/behind", "/behind/api/chat"),
    ],
)
def test_a_house_of_a_kind_is_called_where_its_kind_is(kind: str, base_url: str, path: str) -> None:
    provider = load({"house": {"kind": kind, "base_url": base_url}}).get("house")
    assert provider is not None
    assert provider.speaks[kind].path == path
