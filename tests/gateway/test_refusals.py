"""What is refused for want of room says why there is none."""

import msgspec
import pytest

from stockyard.gateway.http import HttpError
from stockyard.gateway.refusals import control_refusal, refusal


@pytest.mark.parametrize(
    ("rule", "cause"),
    [("connections", "load"), ("draining", "draining"), ("starting", "starting")],
)
def test_a_503_has_a_cause_on_both_planes(rule: str, cause: str) -> None:
    error = HttpError(503, rule, "Not now.")
    told = msgspec.json.decode(refusal(error).body)["error"]["stockyard"]
    assert told["detail"] == {"cause": cause}
    assert msgspec.json.decode(control_refusal(error).body)["cause"] == cause


def test_other_refusals_have_none() -> None:
    error = HttpError(408, "HS01", "Too slow.")
    assert "detail" not in msgspec.json.decode(refusal(error).body)["error"]["stockyard"]
    assert msgspec.json.decode(control_refusal(error).body)["cause"] is None
