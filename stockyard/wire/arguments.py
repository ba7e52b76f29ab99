"""Arguments of tool calls: text as the model wrote it, or an object, as the format wants them."""

from typing import Any

import msgspec


def arguments_object(text: str) -> Any:
    """A call's arguments as an object. Text that is no object is kept under `_raw`."""
    if not text.strip():
        return {}
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return {"_raw": text}
    return value if isinstance(value, dict) else {"_raw": text}


def compact(value: Any) -> str:
    """A value as JSON text, without blanks."""
    return msgspec.json.encode(value).decode()
