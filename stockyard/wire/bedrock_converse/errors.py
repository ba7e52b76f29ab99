"""Errors of the format: those it reports inside a stream, and ours in its words."""

from stockyard.errors import UpstreamError
from stockyard.wire import eventstream
from stockyard.wire.codec import Fault, WireError
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import ErrorBody, read_error
from stockyard.wire.eventstream import Frame
from stockyard.wire.openai_chat.errors import error_fields
from stockyard.wire.surrogates import encode

# Our status -> the status and the name of the error here (`wire.md` 10.4).
_ERRORS = {
    401: (403, "AccessDeniedException"),
    402: (403, "AccessDeniedException"),
    403: (403, "AccessDeniedException"),
    404: (404, "ResourceNotFoundException"),
    429: (429, "ThrottlingException"),
    500: (500, "InternalServerException"),
    502: (424, "ModelErrorException"),
    503: (503, "ServiceUnavailableException"),
    504: (408, "ModelTimeoutException"),
    529: (503, "ServiceUnavailableException"),
}
_BAD_REQUEST = "ValidationException"


def encode_error(fault: Fault) -> WireError:
    default = (fault.status if fault.status < 500 else 500, _BAD_REQUEST)
    status, name = _ERRORS.get(fault.status, default)
    fields = (*error_fields(fault), (b"x-amzn-errortype", name.encode()))
    return WireError(status, fields, _body(fault))


def failed_stream(fault: Fault) -> bytes:
    return eventstream.exception("modelStreamErrorException", _body(fault))


def _body(fault: Fault) -> bytes:
    beside = {"stockyard": dict(fault.stockyard)} if fault.stockyard else {}
    return encode({"message": fault.message, **beside})


def error_in_frame(frame: Frame) -> UpstreamError:
    """What a frame that is not an event says went wrong."""
    said, headers = read_error(frame.payload), frame.headers
    return error_in_answer(
        ErrorBody(
            message=said.message or headers.get(":error-message", ""),
            type=headers.get(":exception-type") or headers.get(":error-code", ""),
            status=_original_status(said),
            body=said.body,
        )
    )


def _original_status(said: ErrorBody) -> int | None:
    status = said.body.get("originalStatusCode")
    return status if type(status) is int and 400 <= status <= 599 else said.status
