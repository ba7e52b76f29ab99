"""Which calls may be written down."""

import pytest

from stockyard.core.exchange import Asked
from stockyard.modules.observe.logging import Config, Logging
from tests.builders import an_exchange, some_ports


@pytest.mark.parametrize(
    ("asked", "kept"), [("", "metadata"), ("metadata", "metadata"), ("off", "off")]
)
def test_the_caller_can_keep_a_call_out(asked: str, kept: str) -> None:
    x = an_exchange(asked=Asked(capture=asked))
    Logging(Config(), some_ports()).on_request(x)
    assert x.capture == kept


def test_switched_off_it_has_nothing_to_do_and_nothing_is_kept() -> None:
    assert Logging(Config(capture="off"), some_ports()).idle()
    assert an_exchange().capture == "off"
