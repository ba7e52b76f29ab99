"""Constants of the format: its name, its finish reasons and the tool names it accepts."""

import re

from stockyard.core.messages import Finish
from stockyard.wire.finishes import Reasons
from stockyard.wire.tool_names import ToolNames

FORMAT = "bedrock.converse"

FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
FAILED_FINISHES = frozenset({"malformed_model_output", "malformed_tool_use"})
"""Finish reasons that are failures: an agent must not take them for a normal end (`wire.md` 6)."""

STOP_REASONS = Reasons(
    FORMAT,
    words={
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "content_filter": "content_filtered",
    },
    own=FINISHES,
    refusal="content_filtered",
)

ACCEPTED_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
ID_PREFIX = "tooluse_"

TOOL_NAMES = ToolNames("a-zA-Z0-9_-")
tool_name = TOOL_NAMES.fitting
