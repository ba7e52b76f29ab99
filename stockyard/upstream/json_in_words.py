"""Say in words that JSON is wanted, to providers that do not take the field alone.

OpenAI refuses a wish for any JSON object unless the conversation speaks of JSON, for which
instructions do not count, and a schema whose top is no object. Clients of other formats know
neither rule; a list of things is what many of them ask for.
"""

import msgspec

from stockyard.core.messages import Message, Text, texts_of
from stockyard.core.request import Content, Request
from stockyard.wire.turns import JSON_WISH, leading_system

TRAIT = "json_in_words"
LEFT_OUT = "response_format.json_schema"


def in_words(request: Request) -> tuple[Request, tuple[str, ...]]:
    """The request with the wish for JSON as its last message, and the names of fields that only
    the wish expresses now."""
    content = request.meaning
    if not isinstance(content, Content) or content.output is None:
        return request, ()
    if content.output.is_any_object:
        if _speaks_of_json(content):
            return request, ()
        return request.replace(messages=(*content.messages, _asking(JSON_WISH))), ()
    schema = content.output.schema
    if not isinstance(schema, dict) or schema.get("type", "object") == "object":
        return request, ()
    wish = f"Answer with JSON and nothing else. Its schema: {msgspec.json.encode(schema).decode()}"
    changed = request.replace(messages=(*content.messages, _asking(wish)), output=None)
    return changed, (LEFT_OUT,)


def _asking(wish: str) -> Message:
    return Message(role="system", parts=(Text(text=wish),))


def _speaks_of_json(content: Content) -> bool:
    _, turns = leading_system(content.messages)
    return any("json" in text.lower() for turn in turns for text in texts_of(turn.parts))
