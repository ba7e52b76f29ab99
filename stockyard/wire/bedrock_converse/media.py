"""Media blocks: images, documents, video and audio.

The bytes are in the block or in an S3 bucket. URLs are not fetched, so media given by URL cannot be
expressed.
"""

import re
from typing import Any

from stockyard.core.messages import Audio, Document, Image, Video
from stockyard.wire.bedrock_converse.names import FORMAT
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.media import from_data_url, sniffed, unbroken

_IMAGES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
_DOCUMENTS = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_VIDEOS = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "flv": "video/x-flv",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "wmv": "video/x-ms-wmv",
    "three_gp": "video/3gpp",
}
_IMAGE_WORDS = {kind: word for word, kind in _IMAGES.items()} | {"image/jpg": "jpeg"}
_DOCUMENT_WORDS = {kind: word for word, kind in _DOCUMENTS.items()}
_VIDEO_WORDS = {kind: word for word, kind in reversed(_VIDEOS.items())}

_BUCKET = "s3://"
_REFUSED_IN_NAMES = re.compile(r"[^A-Za-z0-9_\s()\[\]-]+|(?<=\s)\s+")
_NAME_LENGTH = 200

DEFAULT_NAME = "document"


def read_image(fields: Fields) -> Image | None:
    found = _read(fields, "image", _IMAGES)
    return None if found is None else Image(**found)


def read_video(fields: Fields) -> Video | None:
    found = _read(fields, "video", _VIDEOS)
    return None if found is None else Video(**found)


def read_audio(fields: Fields) -> Audio | None:
    said = fields.inside("audio") or Fields({})
    kind, source = said.text("format"), said.inside("source")
    data = source.text("bytes") if source is not None else None
    if kind is None or data is None:
        return None
    return Audio(data=unbroken(data), format=kind, extra=said.left(FORMAT))


def read_document(fields: Fields) -> Document | None:
    said = fields.inside("document") or Fields({})
    kind, name, source = said.text("format"), said.text("name"), said.inside("source")
    if source is None or kind is None or kind not in _DOCUMENTS:
        return None
    found = _read_source(source)
    text = source.text("text")
    if text is not None:
        found = {"text": text}
    if found is None or source.rest:
        return None
    return Document(**found, media_type=_DOCUMENTS[kind], name=name, extra=said.left(FORMAT))


def write_image(part: Image, _: Drops) -> dict[str, Any] | None:
    return _write("image", part, _IMAGE_WORDS, "image/png")


def write_video(part: Video, _: Drops) -> dict[str, Any] | None:
    return _write("video", part, _VIDEO_WORDS, "video/mp4")


def write_audio(part: Audio, _: Drops) -> dict[str, Any] | None:
    if part.data is None:
        return None
    said = {"format": part.format or "wav", "source": {"bytes": part.data}}
    return {"audio": {**own_fields(part.extra, FORMAT), **said}}


def write_document(part: Document, _: Drops) -> dict[str, Any] | None:
    kind, source = part.media_type, None
    if part.text is not None:
        kind, source = kind or "text/plain", {"text": part.text}
    else:
        kind, source = _source(part.url, part.data, part.file_id, kind or "application/pdf")
    word = _DOCUMENT_WORDS.get(kind)
    if source is None or word is None:
        return None
    said = {"format": word, "name": document_name(part.name or part.title), "source": source}
    return {"document": {**own_fields(part.extra, FORMAT), **said}}


def document_name(name: str | None) -> str:
    """A document name that is accepted here: without dots, other punctuation or repeated spaces."""
    return _REFUSED_IN_NAMES.sub("", (name or "").replace(".", " "))[:_NAME_LENGTH].strip() or (
        DEFAULT_NAME
    )


def _read(fields: Fields, key: str, kinds: dict[str, str]) -> dict[str, Any] | None:
    said = fields.inside(key) or Fields({})
    word, source = said.text("format"), said.inside("source")
    found = _read_source(source) if source is not None else None
    if word is None or word not in kinds or found is None or (source is not None and source.rest):
        return None
    return {**found, "media_type": kinds[word], "extra": said.left(FORMAT)}


def _read_source(source: Fields) -> dict[str, Any] | None:
    data, bucket = source.text("bytes"), source.object("s3Location")
    if data is not None:
        return {"data": unbroken(data)}
    uri = bucket.get("uri") if bucket is not None and len(bucket) == 1 else None
    return {"file_id": uri} if isinstance(uri, str) else None


def _write(
    key: str, part: Image | Video, words: dict[str, str], default: str
) -> dict[str, Any] | None:
    kind, source = _source(part.url, part.data, part.file_id, part.media_type or default)
    word = words.get(kind)
    if source is None or word is None:
        return None
    return {key: {**own_fields(part.extra, FORMAT), "format": word, "source": source}}


def _source(
    url: str | None, data: str | None, file_id: str | None, kind: str
) -> tuple[str, dict[str, Any] | None]:
    """The kind of media that it really is, and where it is; None for what cannot be reached."""
    if url is not None and (media := from_data_url(url)):
        data, kind = media.data, media.media_type
    if data is not None:
        return sniffed(data, kind), {"bytes": data}
    if file_id is not None and file_id.startswith(_BUCKET):
        return kind, {"s3Location": {"uri": file_id}}
    return kind, None
