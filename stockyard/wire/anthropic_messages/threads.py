"""Conversations that the provider keeps (`thread`), of which a request says only what is new.

Whose they are is not known here, other providers have none, and what judges a conversation would
see its last turn only. Official clients that are told so in the provider's own words send the whole
conversation instead.
"""

from typing import Any

import msgspec

from stockyard.core.meaning import Tie

FIELD = "thread"
MARK = b'"thread"'
"""Stands in each body that has the field, unless it is escaped."""
UNSUPPORTED = "thread_unsupported_request"
"""The word for it, of the provider and of ours."""
TIE = Tie(
    code=UNSUPPORTED,
    message="The field 'thread' asks the provider to keep the conversation, which no call through "
    "the gateway can. Send the whole conversation without it.",
    param=FIELD,
)


class _Asked(msgspec.Struct, gc=False):
    thread: Any = None


_asked = msgspec.json.Decoder(_Asked).decode


def asks_for_thread(body: bytes) -> bool:
    """Whether a request, which is a JSON object, has the field. The answer for others is no."""
    try:
        return _asked(body).thread is not None
    except (ValueError, RecursionError):
        return False
