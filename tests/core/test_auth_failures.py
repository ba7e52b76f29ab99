"""Refused credentials are summed, so that nobody without one can fill anything."""

import pytest

from stockyard.core.auth_failures import MOST, AuthFailures, network_of
from stockyard.core.signals import CredentialsRefused
from stockyard.testing.yard import Yard


class Minutes:
    def __init__(self) -> None:
        self.ms = 60_000
        self.told: list[CredentialsRefused] = []
        self.failures = AuthFailures(self.told.append, lambda: self.ms)

    async def next(self) -> list[CredentialsRefused]:
        self.ms += 60_000
        self.told.clear()
        await self.failures.roll_up()
        return list(self.told)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("127.0.0.1", "127.0.0.0/24"),
        ("", "others"),
        ("/run/control.sock", "others"),
    ],
)
def test_an_address_is_told_by_its_network_only(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_a_minute_is_summed_by_reason_and_network() -> None:
    minutes = Minutes()
    for last in range(7):
        minutes.failures.note(f"203.0.113.{last}", "unauthenticated")
    minutes.failures.note("203.0.113.1", "forbidden")
    minutes.failures.note("198.51.100.1", "unauthenticated")
    [told] = await minutes.next()
    assert told.sums == (
        (7, "unauthenticated", "203.0.113.0/24"),
        (1, "forbidden", "203.0.113.0/24"),
        (1, "unauthenticated", "198.51.100.0/24"),
    )
    assert (told.from_ms, told.to_ms) == (60_000, 120_000)
    assert await minutes.next() == []
    assert minutes.failures.totals == {"unauthenticated": 8, "forbidden": 1}


async def test_more_networks_than_are_told_apart_are_summed_together() -> None:
    minutes = Minutes()
    for number in range(20_000):
        minutes.failures.note(f"10.{number >> 8}.{number & 255}.1", "unauthenticated")
    [told] = await minutes.next()
    assert len(told.sums) == MOST + 1
    assert told.sums[0].network == "others"
    assert sum(one.times for one in told.sums) == 20_000


async def test_a_wrong_credential_is_counted_and_a_right_one_is_not(
    yard: Yard, caplog: pytest.LogCaptureFixture
) -> None:
    yard.provider("openai").says("hello")
    await yard.open()
    wrong = {"authorization": "Bearer sk-sy-" + "x" * 51}
    for _ in range(3):
        assert (await yard.get("/api/proxy/modules", headers=wrong)).status == 401
    assert (await yard.chat("hi", headers=wrong)).status == 401
    assert (await yard.chat("hi")).status == 200

    failures = yard.stockyard.auth_failures
    assert failures.totals == {"unauthenticated": 3, "invalid_key": 1}
    await failures.roll_up()
    assert (
        "Credentials were refused: 3 from 127.0.0.0/24 (unauthenticated), "
        "1 from 127.0.0.0/24 (invalid_key)." in caplog.text
    )
    assert "xxxx" not in caplog.text
