"""The names that most clients use for the fields of a chat, where ours differ."""

USUAL_NAMES = {
    "cache": "cache_control",
    "cache_key": "prompt_cache_key",
    "end_user": "user",
    "max_output": "max_tokens",
    "output": "response_format",
    "parallel_tools": "parallel_tool_calls",
    "previous": "previous_response_id",
    "reasoning": "reasoning_effort",
}
"""Field of `Content` -> its usual name."""
