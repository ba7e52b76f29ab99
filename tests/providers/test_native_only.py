"""What of the catalog is reached by its own path only, because nothing here reads its format."""

import pytest

from stockyard.providers.catalog import load
from stockyard.wire.formats import FORMATS
from tests.wire.stream_cases import CASES, FOLDERS

CATALOG = load()
NATIVE_ONLY = {
    "oci.chat",
    "replicate.predictions",
    "sagemaker.invoke",
    "triton.generate",
    "watsonx.chat",
}
"""Formats of chats without a codec (`wire.md` 1.1)."""
MESSAGES_IN_FRAMES = {"bedrock.invoke"}
"""Told in the golden cases of the format that it carries."""

OWN_SHAPES = [
    ("anthropic", "models"),
    ("gemini", "models"),
    ("anthropic", "files"),
    ("mistral", "fim"),
    ("deepseek", "fim"),
    ("cohere", "tokenize"),
    ("llamacpp", "tokenize"),
]
"""Entries whose shape is the provider's own, whatever others call by the name (`wire.md` 14)."""
MEDIA = [
    ("elevenlabs", "speech", "elevenlabs.speech", "{voice}"),
    ("stability", "images", "stability.image", "{engine}"),
]


def test_every_format_of_chats_has_golden_cases_or_is_native_only() -> None:
    spoken = {entry.format for provider in CATALOG for entry in provider.speaks.values()}
    assert {format_ for format_ in spoken if format_ not in FORMATS} == NATIVE_ONLY
    read = spoken - NATIVE_ONLY - MESSAGES_IN_FRAMES
    assert read <= {*FOLDERS.values()}
    for folder in FOLDERS:
        assert len([*CASES.glob(f"*/{folder}.json")]) > 10


@pytest.mark.parametrize(("name", "entry"), OWN_SHAPES)
def test_what_has_a_shape_of_its_own_is_no_call_of_ours(name: str, entry: str) -> None:
    provider = CATALOG.get(name)
    assert provider is not None
    assert provider.endpoints[entry].kind == "passthrough"
    assert provider.endpoints[entry].format not in FORMATS
    assert not provider.serves(entry, FORMATS)


@pytest.mark.parametrize(("name", "entry", "format_", "part"), MEDIA)
def test_what_a_path_names_besides_the_model_stays_with_the_native_route(
    name: str, entry: str, format_: str, part: str
) -> None:
    provider = CATALOG.get(name)
    assert provider is not None
    assert provider.endpoints[entry].format == format_
    assert part in provider.endpoints[entry].path
    assert not provider.serves(entry, FORMATS)
