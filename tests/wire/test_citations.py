"""A citation goes back to clients of its own format; no other format has to make sense of it."""

import msgspec
import pytest

from stockyard.core.messages import Message, Text
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.anthropic_messages.codec import MessagesCodec
from stockyard.wire.codec import Pen

OURS = {"type": "char_location", "cited_text": "a", "document_index": 0}
FOREIGN = {"type": "url_citation", "url": "https://example.com/", "title": "T"}


@pytest.mark.parametrize(
    ("given", "written"),
    [((OURS,), [OURS]), ((FOREIGN, OURS), [OURS]), ((FOREIGN,), None), (("odd",), None)],
)
def test_messages_answers_have_their_own_citations_only(
    given: tuple[object, ...], written: object
) -> None:
    message = Message(role="assistant", parts=(Text(text="a", citations=given),))
    answer = Response(Output(model="m", choices=(Choice(message=message, finish="stop"),)))
    pen = Pen(id="i", model="m", created=1, wants_usage=False)
    body = MessagesCodec().encode_response(answer, pen)
    assert msgspec.json.decode(body)["content"][0].get("citations") == written
