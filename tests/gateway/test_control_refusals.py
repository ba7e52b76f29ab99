"""What the front refuses of the control plane's requests is told in the control plane's words."""

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard


async def test_a_body_without_a_length_that_is_too_large_is_a_problem(yard: Yard) -> None:
    yard.set("http.max_api_body", "1KiB")
    await yard.open()
    async with yard.raw() as client:
        client.send(
            b"POST /api/team/keys HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: application/json\r\n\r\n800\r\n" + b"x" * 0x800 + b"\r\n0\r\n\r\n"
        )
        await client.to_the_end()
        reply = Heard(client.reply)
    assert reply.status == 413
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json
    assert (problem["code"], problem["status"]) == ("too_large", 413)
    assert problem["request_id"] == reply.headers["x-request-id"]
