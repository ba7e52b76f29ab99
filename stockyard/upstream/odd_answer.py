"""What came in a stream's place: an error, a whole answer, or a stream that is called otherwise."""

from stockyard.core.response import Raw
from stockyard.upstream.whole_answer import MAX_BODY
from stockyard.wire.begun import begins_stream
from stockyard.wire.codec import Codec

ODD_BYTES = 64 * 1024
"""How much is read of an error, to tell what it is; a whole answer in a stream's place is read."""

Fields = list[tuple[bytes, bytes]]


class OddAnswer:
    """Collects what does not look like a stream, until it turns out to be one or ends."""

    def __init__(
        self, codec: Codec, status: int, fields: Fields, *, label: bytes | None, native: bool
    ) -> None:
        """`label` is the content type, where it is not that of the format's streams."""
        self._codec = codec
        self._status = status
        self._fields = fields
        self._most = ODD_BYTES if status != 200 else MAX_BODY
        self._label = label if status == 200 and not native else None
        """What it is called, while it may turn out to be a stream."""
        self._pieces: list[bytes] = []
        self._size = 0

    @property
    def is_too_long(self) -> bool:
        return self._size > self._most

    def feed(self, piece: bytes) -> bytes | None:
        """All that came so far, once it turns out to be the beginning of a stream."""
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
        """What it is, as far as it is read."""
        body = b"".join(self._pieces)[: self._most]
        return Raw(self._codec.name, self._status, self._fields, body)


def odd_answer(codec: Codec, status: int, fields: Fields, *, native: bool) -> OddAnswer | None:
    """None for an answer whose head promises a stream of the format."""
    label = _other_label(codec, fields)
    if status == 200 and label is None:
        return None
    return OddAnswer(codec, status, fields, label=label, native=native)


def _other_label(codec: Codec, fields: Fields) -> bytes | None:
    """The content type, where it is not that of the format's streams."""
    for name, value in fields:
        if name == b"content-type":
            label = value.lower()
            promised = label.startswith(codec.stream_type.partition(b";")[0])
            return None if promised else label
    return None
