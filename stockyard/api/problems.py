"""Every error of the control plane, in one shape: `application/problem+json` (`api.md` 1.2)."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    SerializationException,
    ValidationException,
)
from msgspec import Struct

from stockyard.api.field_errors import FieldError, field_error, pointer
from stockyard.errors import InvalidConfig, Refused

MEDIA_TYPE = "application/problem+json"

CODES = {
    400: "invalid",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
}
TITLES = {
    "invalid": "The request is not valid",
    "json_invalid": "The body is not valid JSON",
    "unauthenticated": "Not signed in",
    "forbidden": "Not allowed",
    "not_found": "Not found",
    "module_unknown": "There is no such module",
    "method_not_allowed": "This method is not offered here",
    "version_conflict": "The object was changed by someone else",
    "locked": "The object is locked",
    "owned_by_file": "The config file owns this",
    "limit_reached": "There are as many as there may be",
    "not_acceptable": "There is no answer of the kind that was asked for",
    "request_timeout": "The request came too slowly",
    "too_large": "The body is too large",
    "unsupported_media_type": "The body must be JSON",
    "secret_in_url": "A secret does not belong in a URL",
    "cursor_invalid": "The cursor does not belong to this list",
    "idempotency_in_flight": "The same change is under way",
    "idempotency_mismatch": "The same key, another change",
    "idempotency_no_result": "What came of the change is not known",
    "filter_invalid": "The filter cannot be read",
    "search_off": "No text is kept to search in",
    "body_not_captured": "Nothing that was said is kept",
    "alias_loop": "The names lead in a circle",
    "internal": "Something went wrong here",
    "ledger_unavailable": "The database cannot be written now",
    "overloaded": "Too much to do",
    "rate_limited": "Too many calls",
    "starting": "Not ready yet",
}
"""All error codes. Clients may rely on the list, which is part of the OpenAPI document."""

NOWHERE = (
    "There is nothing at this path. Models are called below /v1; what the API has is told at "
    "/api/openapi.json."
)

ALIASES = "stockyard.aliases"
"""Parameters whose public names differ from those in the code."""
HINTS = {
    "version_conflict": 'Read it again and send If-Match: "v{version}".',
}

log = logging.getLogger("stockyard.api")


class Problem(Struct, frozen=True, kw_only=True):
    """An error of the control plane."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: tuple[FieldError, ...] = ()
    retry_after_ms: int | None = None
    hint: str | None = None
    current_version: int | None = None
    cause: str | None = None
    """Why there is no room (503), such as `writer` or `storage_full`."""


def problem(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    *,
    errors: tuple[FieldError, ...] = (),
    retry_after: float | None = None,
    current_version: int | None = None,
    cause: str | None = None,
) -> Problem:
    hint = HINTS.get(code)
    return Problem(
        type=f"urn:stockyard:problem:{code}",
        title=TITLES.get(code, code.replace("_", " ").capitalize()),
        status=status,
        code=code,
        detail=detail,
        request_id=request_id,
        errors=errors,
        retry_after_ms=None if retry_after is None else round(retry_after * 1000),
        hint=hint and hint.format(version=current_version),
        current_version=current_version,
        cause=cause,
    )


def of_refusal(refused: Refused, request_id: str) -> Problem:
    detail = refused.detail or {}
    errors: tuple[FieldError, ...] = ()
    if refused.param is not None:
        where = pointer("query", refused.param)
        errors = (FieldError(pointer=where, code=refused.code, message=refused.message),)
    return problem(
        refused.status,
        refused.code,
        refused.message,
        request_id,
        errors=errors,
        retry_after=refused.retry_after,
        current_version=detail.get("current_version"),
        cause=detail.get("cause"),
    )


def of_error(error: Exception, request_id: str, aliases: Mapping[str, str] = {}) -> Problem:
    """The Problem for an error. An unexpected error is logged and its details are not shown."""
    match error:
        case Refused():
            return of_refusal(error, request_id)
        case InvalidConfig():
            found = of_config(error)
            code = "invalid" if error.status == 400 else error.code
            return problem(error.status, code, sentence((found,)), request_id, errors=(found,))
        case ValidationException():
            items = [item for item in error.extra or () if isinstance(item, dict)]
            errors = tuple(of_parameter(item, aliases) for item in items)
            return problem(400, "invalid", sentence(errors), request_id, errors=errors)
        case HTTPException(status_code=status) if status < 500:
            if isinstance(error.__cause__, SerializationException):
                return problem(400, "json_invalid", "The body is not valid JSON.", request_id)
            code = CODES.get(status, "invalid")
            detail = NOWHERE if status == 404 else f"{TITLES[code]}."
            return problem(status, code, detail, request_id)
    log.error("A request to the API failed.", exc_info=error, extra={"request_id": request_id})
    return problem(500, "internal", "An error on our side. It was logged.", request_id)


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The exception handler of the whole API."""
    aliases = request.route_handler.opt.get(ALIASES, {}) if "route_handler" in request.scope else {}
    told = of_error(error, str(request.scope.get("stockyard.request_id", "")), aliases)
    methods = (getattr(error, "headers", None) or {}).get("allow") if told.status == 405 else None
    return Response(
        msgspec.json.encode(told),
        status_code=told.status,
        media_type=MEDIA_TYPE,
        headers=headers_of(told) | ({"Allow": allowed(methods)} if methods else {}),
    )


def allowed(methods: str) -> str:
    """The methods of a path, as the framework lists them: HEAD goes where GET does, and OPTIONS is
    the door's affair."""
    names = {*methods.split(", ")} - {"OPTIONS"}
    return ", ".join(sorted(names | ({"HEAD"} if "GET" in names else set())))


def headers_of(told: Problem) -> dict[str, str]:
    headers = {}
    if told.retry_after_ms is not None:
        headers["Retry-After"] = str(-(-told.retry_after_ms // 1000))
    if told.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="stockyard"'
    return headers


def of_config(error: InvalidConfig) -> FieldError:
    """The Problem for an invalid module Config."""
    place = pointer(error.root, error.path)
    if error.code == "invalid":
        return field_error(place, error.message)
    return FieldError(pointer=place, code=error.code, message=error.message)


def of_parameter(item: dict[str, Any], aliases: Mapping[str, str]) -> FieldError:
    """One of the framework's validation errors in our words."""
    key, message = str(item.get("key", "")), str(item.get("message", ""))
    source = str(getattr(item.get("source"), "value", item.get("source", "")))
    if source in ("query", "header", "path", "cookie"):
        return field_error(f"/{source}/{aliases.get(key, key)}", message)
    return field_error("" if key == "data" else pointer("", key), message)


def sentence(errors: tuple[FieldError, ...]) -> str:
    if not errors:
        return "The request is not valid."
    where = errors[0].pointer or "The body"
    return f"{where}: {errors[0].message}".rstrip(".") + "."
