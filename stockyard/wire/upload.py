"""A request body that is a form or a JSON object, read and edited through one interface.

Which of the two it is, and where the parts of a form begin, is told by the body alone. The content
type that goes on to a provider is made from the same bytes, so it cannot read another request than
we did.
"""

from collections.abc import Mapping
from typing import Protocol, Self

from stockyard.errors import Refused
from stockyard.wire import splice, strict
from stockyard.wire.codec import RequestHead
from stockyard.wire.multipart import (
    MAX_PARTS,
    Form,
    boundary_in,
    boundary_of,
    content_type_with,
    read_form,
)

_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0", ""})


class Upload(Protocol):
    def text(self, name: str) -> str | None:
        """The text of a field; None when it is absent."""

    def number(self, name: str) -> int | None:
        """The number in a field; None when it is absent."""

    def count(self, name: str) -> int:
        """How many values stand under this name."""

    def with_texts(self, texts: Mapping[str, str]) -> bytes:
        """The body with other texts in these fields, and every other byte as it was."""


class _Document:
    """A body that is one JSON object."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._fields = strict.parse(body)
        if not isinstance(self._fields, dict):
            raise Refused(400, "invalid_request", "The body must be one JSON object.")

    def text(self, name: str) -> str | None:
        value = self._fields.get(name)
        if value is not None and not isinstance(value, str):
            raise Refused(400, "invalid_request", f"'{name}' must be a string.", param=name)
        return value

    def number(self, name: str) -> int | None:
        value = self._fields.get(name)
        return value if type(value) is int else None

    def count(self, name: str) -> int:
        value = self._fields.get(name)
        return len(value) if isinstance(value, list) else int(value is not None)

    def with_texts(self, texts: Mapping[str, str]) -> bytes:
        body = self._body
        for name, text in texts.items():
            body = splice.replace_text(body, name, text)
        return body


class UploadCodec:
    """The half of a codec that looks at the content type of a request (`codec.Forms`).

    One that reads for a client keeps the boundary that the client's head names: on a native path
    the head goes on as it came, so the body must begin with that very boundary.
    """

    def __init__(self, boundary: bytes | None = None) -> None:
        self._boundary = boundary
        """Empty for a body that must not be a form; None when no head has been seen."""

    def reading(self, content_type: bytes) -> Self:
        return type(self)(boundary_of(content_type) or b"")

    def content_type(self, body: bytes) -> bytes:
        boundary = boundary_in(body)
        return b"application/json" if boundary is None else content_type_with(boundary)

    def check(self, body: bytes) -> None:
        """Raises Refused (400) for a body that is not what its head says."""
        if self._boundary is not None and (boundary_in(body) or b"") != self._boundary:
            raise Refused(
                400,
                "invalid_request",
                "The content type names another boundary than the one that the body begins with.",
            )


def form_in(body: bytes, *, max_parts: int = MAX_PARTS) -> Form | None:
    """The body parsed as a form; None if it is not one."""
    boundary = boundary_in(body)
    return None if boundary is None else read_form(body, boundary, max_parts=max_parts)


def upload_of(body: bytes, *, max_parts: int = MAX_PARTS) -> Upload:
    return form_in(body, max_parts=max_parts) or _Document(body)


def head_of(form: Form) -> RequestHead:
    """What routing needs of a form."""
    return RequestHead(form.word("model") or "", _flag(form, "stream"), wants_usage=True)


def splice_model(body: bytes, model: str, *, max_parts: int) -> bytes:
    """The body with another model in place of the one that it names."""
    form = form_in(body, max_parts=max_parts)
    if form is not None:
        return form.with_texts({"model": model})
    return splice.replace_text(body, "model", model)


def with_model(body: bytes, model: str, *, max_parts: int = MAX_PARTS) -> bytes:
    """A form that names this model, whether or not it named one. Other bodies as they are."""
    form = form_in(body, max_parts=max_parts)
    said = None if form is None else form.word("model")
    if form is None or said == model:
        return body
    return form.with_added("model", model) if said is None else form.with_texts({"model": model})


def with_texts(body: bytes, texts: dict[str, str | None], *, max_parts: int = MAX_PARTS) -> bytes:
    """The body with these texts in place of those it had. None leaves a field as it is."""
    upload = upload_of(body, max_parts=max_parts)
    changed = {
        name: text for name, text in texts.items() if text is not None and text != upload.text(name)
    }
    return upload.with_texts(changed) if changed else body


def _flag(form: Form, name: str) -> bool:
    said = (form.word(name) or "").lower()
    if said not in _TRUE and said not in _FALSE:
        raise Refused(400, "invalid_request", f"'{name}' must be true or false.", param=name)
    return said in _TRUE
