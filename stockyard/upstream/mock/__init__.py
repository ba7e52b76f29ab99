"""A provider inside the program, so that every path can be tried, tested and measured.

It takes the bytes that would go to a provider and gives back the bytes that one would send, so
nothing above it knows that it is not real.

    transport    the Transport: a call in, an answer out
    delivery     one answer on its way: when which bytes come
    behaviour    what a model name asks for: `mock/slow`, `mock/status-429`, ...
    asked        what a request wants, whatever its format
    reply        what is said to it
    instance     the smallest JSON that satisfies a schema
    chat messages    the formats that stream: bytes to Asked, Reply to bytes
    embeddings rerank moderations   those that do not
    speech transcriptions images    those of sound and pictures
    record       what it was called for: the yardstick for the money tests
"""

from stockyard.upstream.mock.record import Call, Record, Totals
from stockyard.upstream.mock.transport import MockTransport

__all__ = ["Call", "MockTransport", "Record", "Totals"]
