"""Data URLs, what base64 text really holds, and what the name of a file says it is."""

import re
from base64 import b64decode
from typing import NamedTuple

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?);base64,", re.IGNORECASE)

# The first base64 characters of each kind; a wrong declared type is refused by some providers.
_OPENINGS = (
    ("/9j/", "image/jpeg"),
    ("iVBORw0KGgo", "image/png"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
    ("JVBERi", "application/pdf"),
)
_SOUNDS = (
    ("UklGR", "audio/wav"),
    ("T2dnUw", "audio/ogg"),
    ("ZkxhQ", "audio/flac"),
)

_ENDINGS = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
}


_IMAGES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class Media(NamedTuple):
    media_type: str
    data: str


def from_data_url(url: str) -> Media | None:
    """What a base64 data URL holds; None for any other URL."""
    match = _DATA_URL.match(url[:256])
    return Media(match[1] or "text/plain", unbroken(url[match.end() :])) if match else None


def unbroken(data: str) -> str:
    """Base64 text without the line breaks that encoders for mail insert and providers refuse."""
    return "".join(data.split()) if "\n" in data or "\r" in data else data


def to_data_url(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"


def readable(data: str, media_type: str) -> str | None:
    """What the bytes of a text say; None for those of anything else."""
    if not media_type.startswith("text/"):
        return None
    try:
        return b64decode(data, validate=True).decode()
    except ValueError:
        return None


def sniffed(data: str, declared: str) -> str:
    """The media type that the bytes say; the declared one where they say nothing."""
    return next((kind for opening, kind in _OPENINGS if data.startswith(opening)), declared)


def sniffed_sound(data: str) -> str:
    """The media type of sound whose sender did not tell it; MP3 begins in many ways."""
    return next((kind for opening, kind in _SOUNDS if data.startswith(opening)), "audio/mp3")


def image_type(data: bytes) -> str | None:
    """What image the first bytes begin; None for anything else."""
    for opening, kind in _IMAGES:
        if data.startswith(opening):
            return kind
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def named(name: str) -> str | None:
    """The media type that the ending of a file name or URL says, if it says one."""
    return _ENDINGS.get(name.partition("?")[0].rpartition(".")[2].lower())
