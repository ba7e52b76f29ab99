"""Choose the Opening for calls that continue earlier answers, or are about one."""

from stockyard.gateway.asker import Asker
from stockyard.gateway.contract import Opening
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.held_answer import HeldAnswer
from stockyard.gateway.http import Head
from stockyard.gateway.native_answer import NativeAnswer, answer_in
from stockyard.gateway.turning import Turning

_TURNS = frozenset({"openai.responses", "openai.compact", "openai.input_tokens"})
"""Formats whose requests may continue earlier turns."""


def on_native(spoken: str | None, path: str) -> str:
    """`Endpoint.recalls` for a native path."""
    if spoken in _TURNS:
        return "turns"
    return "answer" if answer_in(path) else ""


def opening(endpoint: Endpoint, head: Head, asker: Asker, max_body: int) -> Opening:
    if endpoint.recalls == "turns":
        return Turning(endpoint, asker, max_body)
    if endpoint.native is None:
        return HeldAnswer(endpoint, head.method, head.query, asker)
    return NativeAnswer(endpoint, asker, max_body)
