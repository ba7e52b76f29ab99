"""While there is too much to do, new calls are turned away, with a reason, and no longer."""

import asyncio

import pytest

from stockyard.gateway.overload import Overload, OverloadRules
from stockyard.testing.yard import Yard, becomes

MIB = 1 << 20


class Number:
    used = 0
    """What is told."""

    def __call__(self) -> int:
        return self.used


def an_overload(*, running: int = 1_000, **rules: float) -> tuple[Overload, Number]:
    memory = Number()
    limits = OverloadRules(**rules)  # type: ignore[arg-type]  # the table holds all options
    return Overload(limits, memory, lambda: running), memory


class TestDeciding:
    def test_a_loop_that_is_late_for_a_second_sheds_until_it_is_in_time(self) -> None:
        overload, _ = an_overload(max_inflight=7)
        for now, lag, most in (
            (0.0, 0.2, 7),
            (0.9, 0.2, 7),
            (1.0, 0.2, 0),
            (1.5, 0.101, 0),
            (2.0, 0.1, 7),
            (2.5, 0.2, 7),
            (3.4, 0.2, 7),
            (3.5, 0.2, 0),
        ):
            overload.look(now, lag)
            assert overload.most == most, now

    @pytest.mark.parametrize(("running", "shedding"), [(50, False), (51, True)])
    def test_a_late_loop_with_few_calls_is_not_theirs(self, running: int, shedding: bool) -> None:
        overload, _ = an_overload(running=running, max_inflight=100)
        overload.look(0, 1)
        overload.look(1, 1)
        assert overload.shedding is shedding

    def test_shedding_ends_when_few_are_left_however_late_the_loop_is(self) -> None:
        calls = Number()
        overload = Overload(OverloadRules(max_inflight=100), Number(), calls)
        told = ((0, 100, False), (1, 60, True), (2, 11, True), (3, 10, False))
        for now, calls.used, shedding in told:
            overload.look(now, 1)
            assert overload.shedding is shedding, now

    def test_memory_sheds_from_85_percent_on(self) -> None:
        overload, memory = an_overload(memory_bytes=1000)
        for used, shedding in ((849, False), (850, True), (1200, True), (849, False)):
            memory.used = used
            overload.look(0, 0)
            assert overload.shedding is shedding, used

    def test_without_a_limit_no_memory_is_too_much(self) -> None:
        overload, memory = an_overload()
        memory.used = 1 << 50
        overload.look(0, 0)
        assert not overload.shedding

    def test_a_changed_limit_holds_at_once_and_does_not_end_what_is_shed(self) -> None:
        overload, memory = an_overload(max_inflight=7, memory_bytes=10)
        overload.use(OverloadRules(max_inflight=3, memory_bytes=10))
        assert overload.most == 3
        memory.used = 10
        overload.look(0, 0)
        overload.use(OverloadRules(max_inflight=5, memory_bytes=10))
        assert overload.most == 0

    @pytest.mark.parametrize(
        ("lag", "used", "reason", "cause"),
        [
            (0.0, 0, "inflight", "load"),
            (0.2, 0, "loop_lag", "load"),
            (0.0, 90, "memory", "memory"),
            (0.2, 90, "memory", "memory"),
        ],
    )
    def test_a_refusal_says_why_and_is_counted(
        self, lag: float, used: int, reason: str, cause: str
    ) -> None:
        overload, memory = an_overload(memory_bytes=100)
        memory.used = used
        overload.look(0, lag)
        overload.look(1, lag)
        refusal = overload.refusal()
        assert (refusal.status, refusal.code, refusal.retry_after) == (503, "overloaded", 1)
        assert refusal.detail == {"cause": cause}
        assert overload.shed == {reason: 1}

    @pytest.mark.parametrize(
        ("used", "body", "arriving", "refused"),
        [
            (0, 100 * MIB, 0, True),
            (0, 50 * MIB, 0, False),
            (0, 20 * MIB, 30 * MIB, False),
            (0, 20 * MIB, 31 * MIB, True),
            (89 * MIB, MIB, 0, False),
            (90 * MIB, MIB, 0, True),
            (90 * MIB, 64 << 10, 0, False),
            (100 * MIB, 64 << 10, 90 * MIB, False),
        ],
    )
    def test_a_large_body_is_read_as_long_as_there_is_memory_for_it(
        self, used: int, body: int, arriving: int, refused: bool
    ) -> None:
        overload, memory = an_overload(memory_bytes=100 * MIB)
        memory.used = used
        overload.look(0, 0)
        assert overload.refuses(body, lambda: arriving) is refused

    def test_the_memory_that_bodies_may_take_can_be_set(self) -> None:
        overload, _ = an_overload(body_bytes=MIB)
        assert not overload.refuses(MIB, lambda: 0)
        assert overload.refuses(MIB, lambda: 1)


class TestServing:
    async def test_calls_are_turned_away_in_their_own_words_and_served_again(
        self, yard: Yard
    ) -> None:
        yard.provider("openai").says("hello").says("hello")
        await yard.open()
        overload = yard.stockyard.overload
        overload.stop()  # Here it is the test that looks.
        overload.use(OverloadRules(memory_bytes=1))
        overload.look(0, 0)
        answer = await yard.chat("hi")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.error is not None
        assert answer.error["code"] == "overloaded"
        assert answer.error["stockyard"]["detail"] == {"cause": "memory"}
        said = await yard.messages("hi")
        assert said.status == 503
        overload.use(OverloadRules())
        overload.look(1, 0)
        assert (await yard.chat("hi")).status == 200
        assert overload.shed == {"memory": 2}

    async def test_a_body_for_which_there_is_no_memory_is_not_read(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        yard.set("overload.body_bytes", "1MiB")
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
        async with yard.raw() as client:
            key = yard.headers["authorization"].encode()
            client.send(head + b"authorization: %b\r\ncontent-length: 1048577\r\n\r\n{" % key)
            answer = await asyncio.wait_for(client.answer(), 5)
        assert answer.status == 503
        assert yard.stockyard.overload.shed == {"body": 1}
        assert (await yard.chat("hi" * 100_000)).status == 200

    async def test_the_loop_is_looked_at_from_the_start(self, yard: Yard) -> None:
        await yard.open()
        overload = yard.stockyard.overload
        assert await becomes(lambda: overload.memory > MIB)
