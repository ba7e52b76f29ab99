"""What is refused for want of room says why there is none."""

import msgspec
import pytest

from stockyard.gateway.http import HttpError
from stockyard.gateway.refusals import control_refusal, refusal
from stockyard.testing.heard import Heard
from stockyard.testing.yard import CHAT, Yard


@pytest.mark.parametrize(
    ("rule", "cause"),
    [("connections", "load"), ("draining", "draining"), ("starting", "starting")],
)
def test_a_503_has_a_cause_on_both_planes(rule: str, cause: str) -> None:
    error = HttpError(503, rule, "Not now.")
    told = msgspec.json.decode(refusal(error).body)["error"]["stockyard"]
    assert told["detail"] == {"cause": cause}
    assert msgspec.json.decode(control_refusal(error).body)["cause"] == cause


def test_other_refusals_have_no_cause() -> None:
    error = HttpError(408, "HS01", "Too slow.")
    assert "detail" not in msgspec.json.decode(refusal(error).body)["error"]["stockyard"]
    assert msgspec.json.decode(control_refusal(error).body)["cause"] is None


async def test_a_call_that_comes_while_the_gateway_stops_is_told_so(yard: Yard) -> None:
    provider = yard.provider("openai").says("first").slowly(before=0.3)
    async with yard.raw() as waiting, yard.raw() as late:
        waiting.ask(CHAT, yard.body(), headers=yard.headers)
        assert await provider.called()
        late.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n")
        yard.stockyard.front.draining = yard.stockyard.front.refusing = True
        late.send(f"authorization: Bearer {yard.key}\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        await late.answer()
    told = Heard(late.reply)
    assert (told.status, (told.error or {}).get("code")) == (503, "overloaded")
    assert told.json["error"]["stockyard"]["detail"] == {"cause": "draining"}
    assert told.headers["retry-after"] == "1"
    assert "x-should-retry" not in told.headers  # another gateway may answer, or the next one


async def test_a_large_body_for_which_there_is_no_memory_is_told_so(yard: Yard) -> None:
    yard.set("overload.body_bytes", "70KiB")
    yard.provider("openai").says("never")
    async with yard.raw() as client:
        client.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n")
        client.send(f"authorization: Bearer {yard.key}\r\ncontent-length: 80000\r\n\r\n{{".encode())
        await client.answer()
    told = Heard(client.reply)
    assert told.status == 503
    assert told.json["error"]["stockyard"]["detail"] == {"cause": "memory"}
    assert told.headers["retry-after"] == "1"
