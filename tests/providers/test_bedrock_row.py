"""What the rows of Bedrock say: which format for whom, and which path for which model."""

import pytest

from stockyard.errors import Refused
from stockyard.providers.catalog import load
from stockyard.providers.paths import resolve
from stockyard.providers.provider import Provider

FORMATS = frozenset({"openai.chat", "anthropic.messages", "bedrock.converse", "bedrock.invoke"})
ARN = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0"


@pytest.fixture
def bedrock() -> Provider:
    found = load({}, {"AWS_REGION": "eu-west-1"}).get("bedrock")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("wanted", "model", "spoken"),
    [
        ("openai.chat", "amazon.nova-lite-v1:0", "bedrock.converse"),
        ("openai.chat", "anthropic.claude-3-haiku", "bedrock.converse"),
        ("anthropic.messages", "amazon.nova-lite-v1:0", "bedrock.converse"),
        ("anthropic.messages", "anthropic.claude-3-haiku", "bedrock.invoke"),
        ("anthropic.messages", "us.anthropic.claude-sonnet-5", "bedrock.invoke"),
        ("anthropic.messages", ARN, "bedrock.converse"),
        ("bedrock.invoke", "amazon.nova-lite-v1:0", "bedrock.invoke"),
    ],
)
def test_messages_clients_of_claude_keep_its_bodies(
    bedrock: Provider, wanted: str, model: str, spoken: str
) -> None:
    assert bedrock.format_for(wanted, FORMATS, model) == spoken


@pytest.mark.parametrize(
    ("model", "encoded"),
    [
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1%3A0"),
        (
            ARN,
            "arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2F"
            "eu.amazon.nova-lite-v1%3A0",
        ),
    ],
)
def test_a_model_is_one_segment_of_the_path(bedrock: Provider, model: str, encoded: str) -> None:
    entry = bedrock.speaks["bedrock.converse"]
    assert entry.path_for(model) == f"/model/{encoded}/converse"
    assert entry.path_for(model, stream=True) == f"/model/{encoded}/converse-stream"


@pytest.mark.parametrize("model", ["..", "a/../b", "a//b"])
def test_a_model_leads_to_no_other_path(bedrock: Provider, model: str) -> None:
    with pytest.raises(Refused):
        bedrock.speaks["bedrock.converse"].path_for(model)


@pytest.mark.parametrize(
    ("path", "format_", "streams"),
    [
        ("/model/amazon.nova-lite-v1%3A0/converse", "bedrock.converse", False),
        ("/model/amazon.nova-lite-v1:0/converse-stream", "bedrock.converse", True),
        ("/model/a/invoke", "bedrock.invoke", False),
        ("/model/a/invoke-with-response-stream", "bedrock.invoke", True),
        ("/model/a/unknown", None, False),
    ],
)
def test_native_paths_tell_format_and_stream(
    bedrock: Provider, path: str, format_: str | None, streams: bool
) -> None:
    found = resolve(bedrock, path)
    assert found is not None
    assert (found.path, found.format, found.streams) == (path, format_, streams)


def test_the_region_comes_from_either_variable() -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        found = load({}, {variable: "us-east-1"}).get("bedrock")
        assert found is not None
        assert found.origin == "https://bedrock-runtime.us-east-1.amazonaws.com"
        assert not found.missing
    without = load({}, {}).get("bedrock")
    assert without is not None
    assert without.missing == ("region",)
