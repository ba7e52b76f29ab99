"""Text that is safe as the value of an HTTP header, whoever wrote it."""

from urllib.parse import quote

MAX_CHARACTERS = 1024
_KEPT = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def field_text(text: str) -> str:
    """Printable ASCII of at most 1,024 characters; anything else is percent-encoded."""
    if text.isascii() and text.isprintable():
        return text[:MAX_CHARACTERS]
    encoded = quote(text[:MAX_CHARACTERS], safe=_KEPT, errors="replace")[:MAX_CHARACTERS]
    # A cut must not leave half an escape behind.
    tail = encoded.rfind("%", MAX_CHARACTERS - 2)
    return encoded if tail < 0 else encoded[:tail]
