"""A provider that looks at what it is asked and then answers what was recorded.

```python
async with ReplayingProvider(lambda request: recorded_answer(request.target)) as provider:
    ...
```

A script goes line by line; here the request decides, so any number of calls may come in any order.
"""

from collections.abc import Callable, Mapping, Sequence

from stockyard.testing.cuts import Cuts
from stockyard.testing.delivery import steps_of
from stockyard.testing.play import Body, Framing, Play
from stockyard.testing.provider import ScriptedProvider
from stockyard.testing.received import ReceivedRequest
from stockyard.testing.steps import Step


class ReplayingProvider(ScriptedProvider):
    """A scripted provider whose script is a function."""

    def __init__(
        self, answering: Callable[[ReceivedRequest], Play | None], *, patience: float = 30.0
    ) -> None:
        super().__init__(patience=patience)
        self._answering = answering

    def _answer(self, request: ReceivedRequest) -> Sequence[Step]:
        self.requests.append(request)
        return steps_of(self._answering(request), request)


def recorded(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    framing: Framing,
    cuts: Cuts | None = None,
) -> Play:
    """An answer as it was recorded, cut into pieces."""
    return Play(Body(status, tuple(headers.items()), body), framing=framing, cuts=cuts)
