"""A token is fetched once for all calls, renewed before it ends, and thrown away when refused."""

import asyncio

import pytest

from stockyard.core.target import Secret
from stockyard.errors import UpstreamError
from stockyard.upstream.client import Client
from stockyard.upstream.guard import Guard, GuardSettings
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.tokens import token_prover
from stockyard.upstream.tokens.token import Token
from stockyard.upstream.tokens.token_prover import TokenProver


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Counter:
    """A source that counts; `fails` makes the next fetches fail, `gate` holds them."""

    def __init__(self, seconds: float = 3600) -> None:
        self.seconds = seconds
        self.fetches = 0
        self.fails: UpstreamError | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self) -> Token:
        self.fetches += 1
        number = self.fetches
        await self.gate.wait()
        if self.fails:
            raise self.fails
        return Token(Secret(f"token-{number}"), self.seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> Counter:
    return Counter()


@pytest.fixture
def prover(source: Counter, clock: Clock) -> TokenProver:
    return TokenProver(source, clock=clock)


@pytest.fixture
def call() -> Outgoing:
    origin = Client(Guard(GuardSettings())).origin(
        "https://api.example", purpose="provider", operator=True
    )
    return Outgoing(origin=origin, head=b"POST / HTTP/1.1\r\nhost: api.example\r\n\r\n")


async def token_in(prover: TokenProver, call: Outgoing) -> str:
    head = (await prover.proved(call)).head
    assert head.endswith(b"\r\n\r\n")
    return head.partition(b"authorization: Bearer ")[2].strip().decode()


async def test_many_calls_at_once_wait_for_one_fetch(
    prover: TokenProver, source: Counter, call: Outgoing
) -> None:
    source.gate.clear()
    calls = [asyncio.create_task(token_in(prover, call)) for _ in range(50)]
    await asyncio.sleep(0)
    source.gate.set()
    assert set(await asyncio.gather(*calls)) == {"token-1"}
    assert await token_in(prover, call) == "token-1"
    assert source.fetches == 1


async def test_a_token_is_renewed_early_while_calls_go_on_with_the_old_one(
    prover: TokenProver, source: Counter, call: Outgoing, clock: Clock
) -> None:
    await token_in(prover, call)
    clock.now += 3600 - 301
    assert await token_in(prover, call) == "token-1"
    assert source.fetches == 1
    clock.now += 2
    source.gate.clear()
    assert [await token_in(prover, call) for _ in range(3)] == ["token-1"] * 3
    source.gate.set()
    await asyncio.sleep(0.01)
    assert await token_in(prover, call) == "token-2"
    assert source.fetches == 2


@pytest.mark.parametrize(("seconds", "later"), [(3600, 3591), (20, 16), (2, 1.6)])
async def test_a_token_that_has_ended_is_not_sent(
    source: Counter, clock: Clock, call: Outgoing, seconds: float, later: float
) -> None:
    source.seconds = seconds
    prover = TokenProver(source, clock=clock)
    await token_in(prover, call)
    clock.now += later
    assert await token_in(prover, call) == "token-2"


async def test_a_call_that_is_abandoned_does_not_end_the_fetch_of_the_others(
    prover: TokenProver, source: Counter, call: Outgoing
) -> None:
    source.gate.clear()
    leaves, stays = (asyncio.create_task(token_in(prover, call)) for _ in range(2))
    await asyncio.sleep(0)
    leaves.cancel()
    await asyncio.sleep(0)
    source.gate.set()
    assert await stays == "token-1"
    assert source.fetches == 1


class TestRefusals:
    async def test_a_refused_token_is_fetched_anew_once(
        self, prover: TokenProver, source: Counter, call: Outgoing, clock: Clock
    ) -> None:
        first = await prover.proved(call)
        assert prover.refused(first, 401, None)
        second = await prover.proved(call)
        assert b"token-2" in second.head
        assert not prover.refused(second, 401, None)
        clock.now += 31
        assert prover.refused(second, 401, None)

    async def test_many_calls_with_the_refused_token_throw_it_away_once(
        self, prover: TokenProver, source: Counter, call: Outgoing
    ) -> None:
        old = await prover.proved(call)
        assert prover.refused(old, 401, None)
        await prover.proved(call)
        assert prover.refused(old, 401, None)
        assert await token_in(prover, call) == "token-2"
        assert source.fetches == 2

    @pytest.mark.parametrize("status", [400, 403, 429, 500])
    async def test_other_answers_say_nothing_of_the_token(
        self, prover: TokenProver, call: Outgoing, status: int
    ) -> None:
        assert not prover.refused(await prover.proved(call), status, None)
        assert await token_in(prover, call) == "token-1"


class TestFailures:
    async def test_all_calls_hear_why_and_the_source_is_left_alone_for_a_while(
        self, prover: TokenProver, source: Counter, call: Outgoing, clock: Clock
    ) -> None:
        source.fails = UpstreamError("auth", "No.", nothing_sent=True)
        heard = await asyncio.gather(
            *(prover.proved(call) for _ in range(5)), return_exceptions=True
        )
        assert {str(error) for error in heard} == {"No."}
        assert len({id(error) for error in heard}) == 5
        for _ in range(5):
            with pytest.raises(UpstreamError, match="No") as error:
                await prover.proved(call)
            assert (error.value.kind, error.value.nothing_sent) == ("auth", True)
        assert source.fetches == 1
        clock.now += 1.01
        source.fails = None
        assert await token_in(prover, call) == "token-2"

    async def test_pauses_grow_and_end(
        self, prover: TokenProver, source: Counter, call: Outgoing, clock: Clock
    ) -> None:
        source.fails = UpstreamError("overloaded", "Busy.")
        pauses = []
        for _ in range(7):
            begun = clock.now
            fetches = source.fetches
            while source.fetches == fetches:
                with pytest.raises(UpstreamError):
                    await prover.proved(call)
                clock.now += 0.25
            pauses.append(round(clock.now - begun))
        assert pauses == [0, 1, 2, 4, 8, 16, 30]

    async def test_a_renewal_that_fails_leaves_the_old_token_in_use(
        self, prover: TokenProver, source: Counter, call: Outgoing, clock: Clock
    ) -> None:
        await token_in(prover, call)
        source.fails = UpstreamError("timeout", "Late.")
        clock.now += 3400
        for _ in range(3):
            assert await token_in(prover, call) == "token-1"
            await asyncio.sleep(0)
        assert source.fetches == 2
        clock.now += 200
        with pytest.raises(UpstreamError, match="Late"):
            await prover.proved(call)

    async def test_closing_ends_a_fetch(
        self, prover: TokenProver, source: Counter, call: Outgoing
    ) -> None:
        source.gate.clear()
        waits = asyncio.create_task(prover.proved(call))
        await asyncio.sleep(0)
        await prover.aclose()
        with pytest.raises(asyncio.CancelledError):
            await waits


async def test_a_token_is_never_printed(prover: TokenProver, call: Outgoing) -> None:
    proved = await prover.proved(call)
    assert "token-1" not in f"{proved!r} {prover!r} {prover._token!r}"
    assert list(prover.secrets()) == ["token-1"]


async def test_a_fetch_that_does_not_end_is_given_up(
    prover: TokenProver, source: Counter, call: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_prover, "FETCH_SECONDS", 0.02)
    source.gate.clear()
    with pytest.raises(UpstreamError, match="No token came in time") as raised:
        await prover.proved(call)
    assert (raised.value.kind, raised.value.nothing_sent) == ("timeout", True)
