"""Settings written as a file are read back as the same settings, without their secrets."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from stockyard.settings import Settings, load
from stockyard.settings.written import HIDDEN, as_file, duration, meanings, size

SAID = """
modules_dir = "mine"
[server]
port = 4300
drain = "90s"
[http]
max_body = "3MiB"
cors_origins = ["https://desk.example.com"]
[providers.openai]
api_key = "sk-of-openai"
timeout = { idle = "1500ms" }
settings = { region = "eu west" }
[providers.house]
kind = "openai.chat"
base_url = "https://llm.example.com/v1"
credentials = [{ name = "one", secret = "s3cret" }]
[aliases]
fast = "groq/llama"
[aliases."smart one"]
strategy = "weighted"
targets = ["a/x", "b/y"]
weights = [1, 2]
[modules.cache]
enabled = false
ttl_seconds = 60
[modules.ratelimit]
limits = [{ by = "key", calls = 5, per_seconds = 60 }]
[translation.keys]
app = "strict"
"""


def read(folder: Path, text: str) -> Settings:
    file = folder / "stockyard.toml"
    file.write_text(text)
    return load({"config": str(file)}, {}, folder)


@pytest.mark.parametrize("text", ["", SAID])
@pytest.mark.parametrize("described", [False, True])
def test_what_is_written_means_the_same(tmp_path: Path, text: str, described: bool) -> None:
    settings = read(tmp_path, text)
    written = "\n".join(as_file(settings, described=described))
    assert "sk-of-openai" not in written
    assert "s3cret" not in written
    secrets = written.count(HIDDEN)
    again = read(tmp_path, written.replace(HIDDEN, "sk-of-openai", 1).replace(HIDDEN, "s3cret"))
    assert again == replace(settings, file=again.file)
    assert secrets == (2 if text else 0)


def test_every_default_is_told_with_its_meaning() -> None:
    text = "\n".join(as_file(Settings(), described=True))
    assert "# 0 takes any free port.\nport = 4200" in text
    assert meanings(type(Settings().overload))["rss"].startswith("Memory")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.25, "250ms"), (10, "10s"), (90, "90s"), (120, "2m"), (86400, "1d")],
)
def test_durations_are_written_in_their_largest_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0B"), (256, "256B"), (1024, "1KiB"), (3 << 20, "3MiB")]
)
def test_sizes_too(count: int, text: str) -> None:
    assert size(count) == text
