"""Secrets that stand elsewhere: in a variable or in a file, and never taken for what they name."""

from pathlib import Path
from typing import Any

import pytest

from stockyard import configured
from stockyard.core.target import Secret
from stockyard.errors import CannotStart
from stockyard.providers.prices import PriceList
from stockyard.settings import Settings, load
from stockyard.upstream.health import TargetHealth

SECRET = "from-a-file-" + "s" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


def loaded(folder: Path, text: str = "", **environ: str) -> Settings:
    (folder / "stockyard.toml").write_text(text)
    return load({}, {"XDG_CONFIG_HOME": str(folder)} | environ, folder)


def test_the_admin_credential_may_stand_in_a_file(tmp_path: Path, file: Path) -> None:
    settings = loaded(tmp_path, STOCKYARD_ADMIN_KEY=f"file:{file}")
    assert settings.admin_key == Secret(SECRET)


def test_so_may_the_address_of_a_proxy(tmp_path: Path, file: Path) -> None:
    file.write_text("http://user:pass@proxy:3128")
    settings = loaded(tmp_path, https_proxy=f"file:{file}")
    assert settings.proxies.https == Secret("http://user:pass@proxy:3128")


def test_so_may_the_secret_of_a_provider_and_a_new_one_is_seen_at_the_next_look(
    tmp_path: Path, file: Path
) -> None:
    environ = {"OPENAI_API_KEY": f"file:{file}", "ANTHROPIC_API_KEY": "plain"}
    assert secrets_held(tmp_path, environ) == {SECRET, "plain"}
    file.write_text("the-next-one")
    assert secrets_held(tmp_path, environ) == {"the-next-one", "plain"}


def secrets_held(folder: Path, environ: dict[str, str]) -> set[str]:
    settings = loaded(folder, **environ)
    directory = configured.directory(settings, environ, PriceList.bundled(), TargetHealth())
    return set(directory.secrets())


@pytest.mark.parametrize("reference", ["file:/no/such/file", "file:relative", "file:/proc"])
@pytest.mark.parametrize("name", ["STOCKYARD_ADMIN_KEY", "HTTPS_PROXY", "OPENAI_API_KEY"])
def test_a_file_that_cannot_be_read_is_never_taken_for_the_secret(
    tmp_path: Path, name: str, reference: str
) -> None:
    with pytest.raises(CannotStart, match=name) as stopped:
        secrets_held(tmp_path, {name: reference})
    assert stopped.value.exit_code == 78


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("file:secret", "needs a whole path"),
        ("Bearer ${HOUSE_KEY}", "stands for a whole value"),
        ("${HOUSE_KEY}${HOUSE_KEY}", "stands for a whole value"),
        ("${HOUSE_KEY:-x}y", "stands for a whole value"),
    ],
)
def test_what_only_looks_like_a_reference_is_refused(
    tmp_path: Path, written: str, told: str
) -> None:
    with pytest.raises(CannotStart, match=told):
        loaded(tmp_path, f"[providers.openai]\napi_key = '{written}'", HOUSE_KEY="k")


@pytest.mark.parametrize("written", ["file: not found", "pay ${AMOUNT} now", "${", "a${b}"])
def test_texts_of_modules_are_their_own_affair(tmp_path: Path, written: str) -> None:
    settings = loaded(tmp_path, f"[modules.mockllm]\nreply = '{written}'")
    config: dict[str, Any] = settings.modules["mockllm"].config
    assert config == {"reply": written}
