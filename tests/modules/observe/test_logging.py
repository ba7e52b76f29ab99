"""Which calls may be written down, and what of them."""

from typing import Any

import pytest

from stockyard.core.caller import Caller
from stockyard.core.exchange import Exchange
from stockyard.core.inbound import ControlHeaders
from stockyard.errors import Refused
from stockyard.modules.observe.logging import Config, Logging
from tests.builders import Provider, an_answer, an_exchange, some_ports, through


def logging(**config: Any) -> Logging:
    return Logging(Config(**config), some_ports())


def decided(module: Logging, **call: Any) -> str:
    x = an_exchange(**call)
    module.on_request(x)
    return x.capture


@pytest.mark.parametrize(
    ("set_to", "asked", "kept"),
    [
        ("metadata", "", "metadata"),
        ("metadata", "metadata", "metadata"),
        ("metadata", "off", "off"),
        ("redacted", "", "redacted"),
        ("redacted", "metadata", "metadata"),
        ("redacted", "off", "off"),
        ("full", "", "full"),
        ("full", "metadata", "metadata"),
        ("full", "off", "off"),
    ],
)
def test_the_caller_can_lower_what_is_kept(set_to: str, asked: str, kept: str) -> None:
    assert decided(logging(capture=set_to), asked=ControlHeaders(capture=asked)) == kept


def test_switched_off_it_has_nothing_to_do_and_nothing_is_kept() -> None:
    assert logging(capture="off").idle()
    assert an_exchange().capture == "off"


def test_some_keys_and_no_room_keep_texts_out() -> None:
    module = logging(capture="full", except_labels=("payroll",))
    assert decided(module, caller=Caller(key_id="key_1", key_name="payroll")) == "metadata"
    assert decided(module, caller=Caller(key_id="key_2", key_name="web")) == "full"
    assert decided(logging(capture="full", max_body_bytes=0)) == "metadata"


def test_where_no_texts_are_kept_a_call_is_looked_at_once() -> None:
    assert logging().skips == {"on_response", "on_error"}
    assert logging().keeps == ""
    assert logging(capture="redacted").keeps == "served"
    assert logging(capture="full").keeps == "delivered"


async def ended(module: Logging, number: int, *, well: bool) -> Exchange:
    x = an_exchange(id=f"req_{number}")
    try:
        await through(x, Provider(an_answer() if well else Refused(429, "r", "No.")), module)
    except Refused:
        assert not well
    return x


async def test_texts_are_kept_of_a_share_of_the_calls_and_of_all_that_fail() -> None:
    module = logging(capture="full", sample_ratio=0.25)
    well = [await ended(module, n, well=True) for n in range(400)]
    assert 60 < sum(x.capture == "full" for x in well) < 140
    assert {x.body_bytes for x in well} == {0, 65_536}
    badly = [await ended(module, n, well=False) for n in range(20)]
    assert {x.capture for x in badly} == {"full"}
    module = logging(capture="full", sample_ratio=0, errors_always=False)
    assert (await ended(module, 1, well=False)).capture == "metadata"
