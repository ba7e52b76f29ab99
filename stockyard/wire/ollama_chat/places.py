"""Where an answer holds its message: the only difference between the two Ollama formats.

`ollama.chat` has a message object, `ollama.generate` has its fields at the top level.
"""

from typing import Any, NamedTuple

CHAT, GENERATE = "ollama.chat", "ollama.generate"

_Object = dict[str, Any]


class Place(NamedTuple):
    format: str
    key: str
    """Without this an object is no answer of the format."""

    def taken(self, answer: _Object) -> _Object:
        """The message of an answer, taken out of it: `content`, `thinking`, `tool_calls`."""
        said = answer.pop(self.key)
        if self.key == "message":
            message: _Object = said
            return message
        return {"content": said, "thinking": answer.pop("thinking", None)}

    def put(self, message: _Object) -> _Object:
        """The fields of an answer that say this message."""
        if self.key == "message":
            return {"message": message}
        thinking = {"thinking": message["thinking"]} if message.get("thinking") else {}
        return {"response": message["content"], **thinking}


IN_MESSAGE = Place(CHAT, "message")
BESIDE = Place(GENERATE, "response")
