"""Who would serve a model, and what that provider needs before it can be called."""

import pytest

from stockyard.providers.catalog import load
from stockyard.providers.credentials import held_from_environment
from stockyard.providers.directory import Directory
from stockyard.providers.needs import needs_of

FORMATS = frozenset({"openai.chat", "anthropic.messages"})


def a_directory(*variables: str) -> Directory:
    environ = dict.fromkeys(variables, "secret")
    catalog = load(None, environ)
    return Directory(catalog, held_from_environment(catalog, environ), formats=FORMATS)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("claude-sonnet-4-5", "anthropic"),
        ("anthropic/anything", "anthropic"),
        ("gpt-4o", None),  # it can be called
        ("openai/anything", None),
        ("mock/anything", None),
        ("nobody/anything", None),
        ("anything", None),
        ("", None),
    ],
)
def test_it_is_known_who_would_serve_a_model_if_it_could_be_called(
    model: str, provider: str | None
) -> None:
    found = a_directory("OPENAI_API_KEY").unready(model)
    assert (found and found.name) == provider


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("anthropic", "Set ANTHROPIC_API_KEY and restart."),
        ("ollama", "Name it in the config file (`[providers.ollama]`) and restart."),
        (
            "azure",
            "Its section `[providers.azure]` of the config file needs `settings = { host = ... }`.",
        ),
    ],
)
def test_what_it_needs_is_said_so_that_it_can_be_done(name: str, needs: str) -> None:
    provider = a_directory().provider(name)
    assert provider is not None
    assert needs_of(provider) == needs
