"""What scripted providers are told to say, and the events that are heard of it."""

import json
import re
from collections.abc import Callable
from typing import Any

from stockyard.testing import Script, ScriptedProvider

Telling = Callable[[ScriptedProvider], Script]


def events(body: bytes) -> list[dict[str, Any]]:
    """The objects in the events of a stream, without its terminator."""
    found = re.findall(rb"^data: (\{.*\})$", body, re.MULTILINE)
    return [json.loads(data) for data in found]
