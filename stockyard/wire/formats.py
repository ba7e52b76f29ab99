"""All wire formats, by name."""

from collections.abc import Mapping

from stockyard.wire.anthropic_messages.codec import MessagesCodec
from stockyard.wire.codec import Codec
from stockyard.wire.openai_chat.codec import ChatCodec

FORMATS: Mapping[str, Codec] = {codec.name: codec for codec in (ChatCodec(), MessagesCodec())}
