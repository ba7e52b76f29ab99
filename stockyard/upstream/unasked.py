"""Read an answer that came as a stream where a whole one was asked for.

Few servers do that, but those always do: a client that asks them for a whole answer would never get
one.
"""

from stockyard.core.folding import fold
from stockyard.core.response import Response
from stockyard.errors import StockyardError
from stockyard.wire.codec import Codec, Traits


def folded(codec: Codec, body: bytes, traits: Traits) -> Response | None:
    """The answer that a complete stream makes; None for what is no stream, or breaks off."""
    reader = codec.reader(traits=traits)
    try:
        output, usage = fold(reader.feed(body) + reader.end())
    except StockyardError:
        return None
    return Response(output, usage=usage) if reader.complete and output.choices else None
