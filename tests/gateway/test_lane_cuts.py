"""However a connection's bytes are cut, the planes get the same requests and the client the same
answers."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from stockyard.testing.lane_host import LaneHost, a_request

BODIES = st.binary(max_size=60)


def chunked(path: str, body: bytes) -> bytes:
    head = a_request(f"POST {path}", fields=("Transfer-Encoding: chunked",))
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


SENT: dict[str, Callable[[bytes], bytes]] = {
    "sized call": lambda body: a_request("POST /call/whole", body),
    "chunked call": lambda body: chunked("/call/whole", body),
    "sized form": lambda body: a_request("POST /form", body),
    "chunked form": lambda body: chunked("/form", body),
    "page": lambda body: a_request("GET /page"),
    "probe": lambda body: b"\r\n" + a_request("GET /livez"),
    "refused call": lambda body: a_request("POST /call/denied", body),
}
ANSWERED: dict[str, Callable[[bytes], bytes]] = {
    "sized call": lambda body: body,
    "chunked call": lambda body: body,
    "sized form": lambda body: b"POST /form " + body,
    "chunked form": lambda body: b"POST /form " + body,
    "page": lambda body: b"GET /page ",
    "probe": lambda body: b'{"ok":true}',
    "refused call": lambda body: b"denied",
}


@settings(max_examples=150)
@given(
    requests=st.lists(st.tuples(st.sampled_from(sorted(SENT)), BODIES), min_size=1, max_size=5),
    data=st.data(),
)
def test_pipelined_requests_are_the_same_however_they_are_cut(
    shared_host: LaneHost, requests: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(SENT[kind](body) for kind, body in requests)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=10)))
    with shared_host.client() as client:
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            client.send(stream[start:end])
            # The server has read it before the rest follows.
            shared_host.do(lambda: None)
        for kind, body in requests:
            assert client.answer().body == ANSWERED[kind](body)
