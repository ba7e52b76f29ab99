"""One module's place in a Pipeline: its hooks, and its failure policy.

A hook that raises, hangs or returns nonsense is a failure of its module. If the module fails OPEN
the call goes on without it; if it fails CLOSED the call is refused. Hooks are called in `run` and
nowhere else, which `process/interruption.py` relies on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable, iscoroutinefunction
from time import perf_counter_ns
from typing import Any, get_args

from stockyard.core.events import Event
from stockyard.core.exchange import Exchange, Step
from stockyard.core.module import AnyModule, Fails, Streaming
from stockyard.core.response import Response
from stockyard.core.standing import Standing
from stockyard.core.stream import Answer, Stream
from stockyard.errors import Abandoned, HookInterrupted, Refused, StockyardError

log = logging.getLogger(__name__)

EVENTS = frozenset(get_args(Event))


class Stop:
    __slots__ = (
        "around",
        "edits",
        "fails",
        "holds",
        "module",
        "name",
        "on_chunk",
        "on_error",
        "on_head",
        "on_request",
        "on_response",
        "standing",
        "waits",
    )

    def __init__(self, module: AnyModule, standing: Standing) -> None:
        self.module = module
        self.name = module.name
        self.fails = module.fails
        self.standing = standing
        self.on_request = _hook(module, "on_request")
        self.on_response = _hook(module, "on_response")
        self.on_chunk = _hook(module, "on_chunk")
        self.on_error = _hook(module, "on_error")
        self.on_head = _hook(module, "on_head")
        self.around = _hook(module, "around")
        hooks = (self.on_request, self.on_response, self.on_error, self.around)
        self.waits = module.reads_closely or any(iscoroutinefunction(hook) for hook in hooks)
        self.edits = self.on_chunk is not None and module.streaming is Streaming.CHUNKS
        self.holds = module.streaming is Streaming.WHOLE

    def blocked(self) -> bool:
        """Whether the module is tripped and this call is not its probe."""
        return self.standing.tripped and not self.standing.may_probe()

    def broke(self, x: Exchange, error: BaseException) -> None:
        """A hook raised, hung or returned nonsense. Raises Refused when the module fails CLOSED."""
        self.standing.failed()
        log.error("module %s failed: %s", self.name, type(error).__name__, exc_info=error)
        x.note(self.name, "failed", {"error": type(error).__name__})
        if self.fails is Fails.CLOSED:
            raise self.refusal() from error

    def refusal(self) -> Refused:
        refusal = Refused(
            503,
            "module_failed",
            f"The module '{self.name}' is broken, and calls are not let through without it.",
            retry_after=10,
        )
        refusal.module = self.name
        return refusal

    def run(self, x: Exchange, hook: Callable[..., Any], *arguments: Any) -> Any:
        """Call a hook under the module's failure policy; None when it broke or is bypassed."""
        if self.standing.tripped and self.blocked():
            if self.fails is Fails.CLOSED:
                raise self.refusal()
            return None
        try:
            result = hook(x, *arguments)
        except StockyardError as error:
            raise self.named(error)  # noqa: B904  the same error, with the module's name on it
        except (Exception, HookInterrupted) as error:
            self.broke(x, error)
            return None
        if self.standing.tripped:
            self._came_back(result)
        return result

    def _came_back(self, result: object) -> None:
        """A hook returned while its module is tripped. An async hook has only begun then."""
        if not isawaitable(result):
            self.standing.worked()

    async def wait(self, x: Exchange, result: Awaitable[Any]) -> Any:
        """Wait for an async hook, for at most the module's `patience_seconds`."""
        try:
            # Not `wait_for`: that loses a cancellation which arrives just when the hook is done.
            async with asyncio.timeout(self.module.patience_seconds):
                waited = await asyncio.ensure_future(result)  # in a task of its own
        except StockyardError as error:
            raise self.named(error)  # noqa: B904  the same error, with the module's name on it
        except (Exception, HookInterrupted) as error:
            self.broke(x, error)
            return None
        if self.standing.tripped:
            self.standing.worked()
        return waited

    async def respond(self, x: Exchange) -> None:
        """Call `on_response`: the whole answer is on `x.response`, where the hook may replace
        it."""
        assert self.on_response is not None  # noqa: S101  the caller looked
        begun = perf_counter_ns()
        result = self.run(x, self.on_response)
        if result is not None and isawaitable(result):
            await self.wait(x, result)
        x.strip.append(Step(self.name, "on_response", perf_counter_ns() - begun))

    async def recover(self, x: Exchange, error: Exception) -> Answer | None:
        """Call `on_error`. Returns its answer to the call, if it has one."""
        if self.on_error is None:
            return None
        result = self.run(x, self.on_error, error)
        if isawaitable(result):
            result = await self.wait(x, result)
        return None if isinstance(error, Abandoned) else self.answer(x, result)

    def named(self, error: StockyardError) -> StockyardError:
        if isinstance(error, Refused) and error.module is None:
            error.module = self.name
        return error

    def answer(self, x: Exchange, result: object) -> Answer | None:
        """What a hook returned, if it is an Answer; anything else is a failure of the module."""
        if result is None or isinstance(result, Response | Stream):
            return result
        self.broke(x, TypeError(f"returned {type(result).__name__} instead of an Answer"))
        return None

    def are_events(self, x: Exchange, results: Sequence[object]) -> bool:
        """Whether a hook returned only Events; anything else is a failure of the module."""
        for result in results:
            if type(result) not in EVENTS:
                self.broke(x, TypeError(f"returned {type(result).__name__} instead of an Event"))
                return False
        return True


def _hook(module: AnyModule, name: str) -> Callable[..., Any] | None:
    if name in module.skips:
        return None
    hook: Callable[..., Any] | None = getattr(module, name, None)
    return hook
