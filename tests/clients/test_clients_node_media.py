"""The official OpenAI library for Node: speech, transcriptions and images of the mock provider."""

from stockyard.testing.yard import Yard
from tests.clients.node import needs_node, run

pytestmark = needs_node

SCENARIOS = (
    *("speech", "transcription", "subtitles", "streamed"),
    *("image", "edited", "varied", "refused"),
)


async def test_every_scenario(yard: Yard) -> None:
    heard = await run(yard, "media.mjs", *SCENARIOS, model="mock")
    assert heard["speech"] == {"opening": "RIFF", "size": 2044}
    assert "mock provider" in heard["transcription"]
    assert heard["subtitles"].startswith("WEBVTT\n")
    assert "".join(heard["streamed"]["pieces"]) == heard["streamed"]["text"]
    assert heard["image"] == ["PNG", "PNG"]
    assert heard["edited"] == ["image_edit.partial_image", "image_edit.completed"]
    assert heard["varied"] == 1
    assert (heard["refused"]["error"], heard["refused"]["status"]) == ("BadRequestError", 400)
