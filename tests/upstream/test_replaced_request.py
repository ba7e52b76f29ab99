"""What is asked on the way to one Target is not asked of the next."""

import pytest

from stockyard.errors import UpstreamError
from stockyard.upstream.replaced_request import replaced_request
from tests.builders import an_exchange


def test_the_request_of_the_caller_is_back_afterwards() -> None:
    x = an_exchange("hi")
    asked = x.request
    with replaced_request(x, asked.streamed()):
        assert x.request.stream
        assert x.request.meaning is asked.meaning
    assert x.request is asked


def test_the_request_of_the_caller_is_back_after_a_failed_try() -> None:
    x = an_exchange("hi")
    asked = x.request
    with pytest.raises(UpstreamError), replaced_request(x, asked.with_model("other")):
        raise UpstreamError("interrupted", "The provider closed the connection.")
    assert x.request is asked
    assert x.untouched
