"""An answer that does not look like the stream that was requested.

It may be an error, a whole answer, or a stream with another content type.
"""

from stockyard.core.response import Raw
from stockyard.upstream.whole_answer import MAX_BODY
from stockyard.wire.codec import Codec
from stockyard.wire.stream_detection import begins_stream

ODD_BYTES = 64 * 1024
"""How much of an error is read. A whole answer instead of a stream is read completely."""

Fields = list[tuple[bytes, bytes]]


class OddAnswer:
    """Collects what does not look like a stream, until it turns out to be one or ends."""

    def __init__(
        self, codec: Codec, status: int, fields: Fields, *, label: bytes | None, native: bool
    ) -> None:
        """`label`: the content type, if it is not that of the format's streams."""
        self._codec = codec
        self._status = status
        self._fields = fields
        self._most = ODD_BYTES if status != 200 else MAX_BODY
        self._label = label if status == 200 and not native else None
        """The content type, while it may still turn out to be a stream."""
        self._pieces: list[bytes] = []
        self._size = 0

    @property
    def is_too_long(self) -> bool:
        return self._size > self._most

    def feed(self, piece: bytes) -> bytes | None:
        """Everything that came so far, once it turns out to be a stream; None until then."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._label is None:
            return None
        begun = b"".join(self._pieces)
        is_stream = begins_stream(self._codec.stream_type, self._label, begun)
        if is_stream is not None:
            self._label = None
        return begun if is_stream else None

    def raw(self) -> Raw:
        """The answer, as far as it was read."""
        body = b"".join(self._pieces)[: self._most]
        return Raw(self._codec.name, self._status, self._fields, body)


def odd_answer(codec: Codec, status: int, fields: Fields, *, native: bool) -> OddAnswer | None:
    """None if the head is that of a stream in the format."""
    label = _other_label(codec, fields)
    if status == 200 and label is None:
        return None
    return OddAnswer(codec, status, fields, label=label, native=native)


def _other_label(codec: Codec, fields: Fields) -> bytes | None:
    """The content type, if it is not that of the format's streams."""
    for name, value in fields:
        if name == b"content-type":
            label = value.lower()
            promised = label.startswith(codec.stream_type.partition(b";")[0])
            return None if promised else label
    return None
