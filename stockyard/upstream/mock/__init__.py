"""The mock provider: a provider inside the program, for trying, testing and measuring.

It receives the bytes of a request to a provider and answers with the bytes that a provider would
send, so nothing above it knows that it is not real.

    transport      the Transport: looks up the format, makes the answer, records the call
    mock_request   what a request of any format asks for
    behaviour      what names of mock models mean: `mock/slow`, `mock/status-429`, ...
    reply          decides what to answer
    instance       the smallest JSON that satisfies a schema
    dialect        what each format must implement
    chat messages                   formats with streams
    embeddings rerank moderations   formats without
    speech transcriptions images    formats with sound and pictures
    delivery       sends an answer piece by piece, like a slow or failing provider if wanted
    record         all calls that came, to compare what Stockyard counted with
"""

from stockyard.upstream.mock.record import MockCall, Record, Totals
from stockyard.upstream.mock.transport import MockTransport

__all__ = ["MockCall", "MockTransport", "Record", "Totals"]
