"""Function tools in the shape that several formats share with chat."""

from typing import Any

from stockyard.core.request import Tool
from stockyard.wire.layout import own_fields

_NO_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}


def encode_function(tool: Tool, format: str) -> dict[str, Any]:
    own = own_fields(tool.extra, format)
    function: dict[str, Any] = {**own.get("function", {}), "name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.schema is not None or format not in tool.extra:
        function["parameters"] = _NO_SCHEMA if tool.schema is None else tool.schema
    return {**own, "type": "function", "function": function}
