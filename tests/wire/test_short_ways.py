"""Most messages are one text. They are read and written on a shorter way, which leads to what the
long way leads to."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stockyard.core.messages import Message, Opaque, Role, Text
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.anthropic_messages.blocks import BILLING_LINE, decode_blocks
from stockyard.wire.anthropic_messages.turns import encode_turns
from stockyard.wire.codec import Pen
from stockyard.wire.drops import Drops
from stockyard.wire.openai_chat.messages import decode_messages
from stockyard.wire.openai_chat.response import encode_response
from stockyard.wire.strict import MAX_VALUES, without_strings

TEXTS = st.text(max_size=8) | st.sampled_from(["", " ", "\n", f"{BILLING_LINE} cc_version=1"])
ROLES = st.sampled_from(["user", "assistant", "system"])
LONG_WAY = "a-word"
"""A shape that no format knows: nothing but a detour."""


@given(ROLES | st.just("developer"), TEXTS)
def test_chat_messages_are_read_alike(role: str, text: str) -> None:
    item: dict[str, Any] = {"role": role, "content": text}
    assert decode_messages([item]) == decode_messages([{**item, "name": None}])


@given(TEXTS)
def test_blocks_of_messages_are_read_alike(text: str) -> None:
    block: dict[str, Any] = {"type": "text", "text": text}
    [short], [long] = decode_blocks([block], ""), decode_blocks([{**block, "citations": None}], "")
    if text.startswith(BILLING_LINE):
        assert isinstance(short, Opaque)
        assert isinstance(long, Opaque)
    else:
        assert short == long


@given(st.lists(st.tuples(ROLES, TEXTS), max_size=5))
def test_turns_of_messages_are_written_alike(said: list[tuple[Role, str]]) -> None:
    messages = [Message(role=role, parts=(Text(text=text),)) for role, text in said]
    detour = [replace(message, shape=LONG_WAY) for message in messages]
    short, long = Drops("anthropic.messages"), Drops("anthropic.messages")
    turns = encode_turns(messages, short, system_role=False)
    assert turns == encode_turns(detour, long, system_role=False)
    assert short.names == long.names


@given(TEXTS)
def test_chat_answers_are_written_alike(text: str) -> None:
    pen = Pen(id="chatcmpl-1", model="m", created=1, wants_usage=False)
    message = Message(role="assistant", parts=(Text(text=text),))
    short, long = (
        encode_response(Response(Output(choices=(Choice(message=one, finish="stop"),))), pen)
        for one in (message, replace(message, shape=LONG_WAY))
    )
    assert short == long


STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


@given(st.lists(st.text('"\\:,[ab', max_size=6), max_size=5))
def test_the_strings_of_a_document_are_left_out_however_they_are_escaped(texts: list[str]) -> None:
    spelled = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    body = ("[" + ",".join(f'{{"{text}": "{text}"}}' for text in spelled) + "]").encode()
    assert without_strings(body, MAX_VALUES) == STRING.sub(b"", body)
