"""The API as OpenAPI 3.1, generated from the running endpoints."""

from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute

from stockyard.api.permission import permission_of
from stockyard.api.problems import MEDIA_TYPE, TITLES, Problem

REPEATABLE = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same key, the change happens once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
"""Parameters that every change takes in addition to its own."""
REFERENCE = "#/components/schemas/{name}"


def describe(app: Litestar) -> dict[str, Any]:
    """The framework's description, with our errors and each operation's permission."""
    document = app.openapi_schema.to_schema()
    _, shapes = msgspec.json.schema_components([Problem], ref_template=REFERENCE)
    shapes["Problem"]["properties"]["code"]["enum"] = sorted(TITLES)
    document["components"]["schemas"] |= shapes
    for path, method, permission in permissions(app):
        operation = document["paths"].get(path, {}).get(method)
        if operation is not None:
            operation["x-permission"] = permission
            if method != "get":
                operation.setdefault("parameters", []).append(REPEATABLE)
            operation["responses"].pop("400", None)
            close_body(operation, document["components"]["schemas"])
            for response in operation["responses"].values():
                any_of_them(response)
            operation["responses"]["default"] = a_problem()
    return document


def close_body(operation: dict[str, Any], shapes: dict[str, Any]) -> None:
    """Mark bodies as closed: unknown fields are refused, which the framework does not describe."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        if name:
            shapes[name]["additionalProperties"] = False


def any_of_them(response: dict[str, Any]) -> None:
    """An answer of several shapes may fit more than one, as an empty list does."""
    for content in response.get("content", {}).values():
        schema = content.get("schema", {})
        if "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")


def a_problem() -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(name="Problem")}
    return {"description": "What went wrong.", "content": {MEDIA_TYPE: {"schema": schema}}}


def permissions(app: Litestar) -> Iterator[tuple[str, str, str]]:
    """Path, method and permission of every operation of ours."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if "permission" in handler.opt:
                    yield route.path_format, method.lower(), permission_of(handler)
