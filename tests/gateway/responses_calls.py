"""Calls for `/v1/responses`: their path, and what they were answered."""

from typing import Any

from stockyard.testing.heard import Heard

RESPONSES = "/v1/responses"


def answered(heard: Heard) -> dict[str, Any]:
    """The answer, whole or as its stream told it last."""
    if heard.body.startswith(b"{"):
        return dict(heard.json)
    return dict(heard.events[-1].json["response"])
