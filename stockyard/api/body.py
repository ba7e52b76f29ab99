"""Validates requests to the control plane: unambiguous JSON and known parameters."""

import asyncio
import json
from collections import Counter
from difflib import get_close_matches
from typing import Any, NoReturn

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from stockyard.errors import Refused

MAX_BODY = 5 << 20
MAX_DEPTH = 64
LARGE = 64 << 10
"""Larger bodies are checked off the loop."""
NOTHING = (b"{}", b"null")
"""Bodies that some clients send in place of an empty one."""
PARAMETERS = "stockyard.parameters"


async def guard_body(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Refuse a body that is not JSON, or that parsers may read differently."""
    if not isinstance(connection, Request) or connection.method in ("GET", "HEAD"):
        return
    body = await connection.body()
    takes_one = "data" in handler.parsed_fn_signature.parameters
    if not body:
        if takes_one:
            raise Refused(400, "invalid", "This needs a body of JSON.")
        return
    if connection.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "unsupported_media_type", "Send the body without compressing it.")
    media_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refused(415, "unsupported_media_type", "Send the body as application/json.")
    if not takes_one and body.strip() not in NOTHING:
        raise Refused(400, "invalid", "No body is read here. A reason goes into X-Reason.")
    if len(body) > LARGE:
        await asyncio.to_thread(check, body)
    else:
        check(body)


def guard_parameters(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Refuse unknown and repeated query parameters: they would be ignored silently."""
    known: frozenset[str] = handler.opt[PARAMETERS].get(
        str(connection.scope.get("method")), frozenset()
    )
    given = Counter(name for name, _ in connection.query_params.multi_items())
    for name, times in given.items():
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f' Did you mean "{close[0]}"?' if close else ""
            told = f'There is no parameter "{name}" here.{hint}'
            raise Refused(400, "invalid", told, param=name)
        if times > 1:
            raise Refused(400, "invalid", f'The parameter "{name}" is there twice.', param=name)


def check(body: bytes) -> None:
    """Refuse a key twice, NaN, lone surrogates and deep nesting: 400 `json_invalid`."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=table, parse_constant=no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise invalid("holds half of a character") from None
    except UnicodeDecodeError:
        raise invalid("is not UTF-8") from None
    except (ValueError, RecursionError):
        raise invalid("is not valid JSON") from None
    if depth(value) > MAX_DEPTH:
        raise invalid("is nested too deeply")


def depth(value: Any) -> int:
    """How deep lists and tables are nested, counted level by level."""
    deepest, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        deepest += 1
        level = [
            below for item in level for below in (item.values() if isinstance(item, dict) else item)
        ]
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
