"""What a request to the control plane may carry: JSON without surprises, and known parameters."""

import json
from typing import Any, NoReturn

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from stockyard.errors import Refused

MAX_BODY = 5 << 20
MAX_DEPTH = 64
PARAMETERS = "stockyard.parameters"


async def guard_body(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """A body must be JSON that every parser reads alike."""
    if not isinstance(connection, Request) or connection.method in ("GET", "HEAD"):
        return
    body = await connection.body()
    if not body:
        return
    media_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refused(415, "unsupported_media_type", "Send the body as application/json.")
    check(body)


def guard_parameters(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """A query parameter that is not known is an error: it was meant to do something."""
    known: frozenset[str] = handler.opt[PARAMETERS].get(
        str(connection.scope.get("method")), frozenset()
    )
    for name in connection.query_params:
        if name not in known:
            raise Refused(400, "invalid", f'There is no parameter "{name}" here.', param=name)


def check(body: bytes) -> None:
    """Refuse a key twice, NaN, lone surrogates and deep nesting: 400 `json_invalid`."""
    try:
        text = body.decode()
        if depth(text) > MAX_DEPTH:
            raise invalid("is nested too deeply")
        value = json.loads(text, object_pairs_hook=table, parse_constant=no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise invalid("holds half of a character") from None
    except UnicodeDecodeError:
        raise invalid("is not UTF-8") from None
    except (ValueError, RecursionError):
        raise invalid("is not valid JSON") from None


def depth(text: str) -> int:
    """The deepest nesting, read without recursion. Strings are skipped."""
    deepest = level = 0
    in_text = escaped = False
    for character in text:
        if in_text:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_text = False
        elif character == '"':
            in_text = True
        elif character in "{[":
            level += 1
            deepest = max(deepest, level)
        elif character in "}]":
            level -= 1
    return deepest


def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise invalid("has a key twice")
    return made


def no_constant(name: str) -> NoReturn:
    raise invalid(f"holds {name}, which is not a JSON number")


def invalid(what: str) -> Refused:
    return Refused(400, "json_invalid", f"The body {what}.")
