"""The Prover of providers that want tokens: keeps one Credential's token until it expires.

A call that finds no token waits for one, and so does every call that comes meanwhile: there is one
fetch at a time. A token is renewed in the background, well before it expires; calls use the old one
until then. After a failed fetch there is a pause, in which all calls get the same error.
"""

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic

from stockyard.errors import EgressDenied, UpstreamError
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.tokens.token import Authorizer, Bearer, Source, Token

EARLY_SECONDS = 300.0
"""How long before its end a token is renewed: this, but at most a quarter of its lifetime."""
SPARE_SECONDS = 10.0
"""A token that expires sooner is not sent: the call might arrive too late."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
FETCH_SECONDS = 60.0
"""The longest a whole fetch may take."""
BETWEEN_REFUSALS_SECONDS = 30.0
"""A token is thrown away for a refusal at most this often: a provider that refuses every token must
not make us fetch one for every call."""


BEARER = Bearer()


class TokenProver:
    def __init__(
        self,
        source: Source,
        authorizer: Authorizer = BEARER,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._source = source
        self._authorizer = authorizer
        self._clock = clock
        self._token: Token | None = None
        self._ends = self._renew_from = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._failure: UpstreamError | None = None
        self._failures = 0
        self._paused_until = float("-inf")
        self._thrown_away = float("-inf")

    async def proved(self, outgoing: Outgoing) -> Outgoing:
        now = self._clock()
        token = self._token
        if token is None or now >= self._ends:
            token = await self._fetched(now)
        elif now >= self._renew_from:
            self._begin(now)
        return self._authorizer.authorized(outgoing, token)

    def refused(self, proved: Outgoing, status: int, code: str | None) -> bool:
        if not self._authorizer.stale(status, code):
            return False
        if self._token is None or not self._authorizer.carries(proved, self._token):
            return True  # another call has thrown it away already
        now = self._clock()
        if now - self._thrown_away < BETWEEN_REFUSALS_SECONDS:
            return False
        self._thrown_away = now
        self._token = None
        return True

    def secrets(self) -> Iterator[str]:
        """The secret parts of the token, which must not appear in logs or answers."""
        if self._token is not None:
            yield from self._token.secrets()

    async def aclose(self) -> None:
        """Cancel the fetch that is running, if any."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    async def _fetched(self, now: float) -> Token:
        self._begin(now)
        if self._fetching is not None:
            # A call that is abandoned must not end the fetch that others wait for.
            await asyncio.shield(self._fetching)
        if self._token is None or self._clock() >= self._ends:
            raise _again(self._failure)
        return self._token

    def _begin(self, now: float) -> None:
        if self._fetching is None and now >= self._paused_until:
            self._fetching = asyncio.get_running_loop().create_task(self._fetch(), name="token")

    async def _fetch(self) -> None:
        asked = self._clock()
        try:
            # Requests have deadlines of their own, but reading a file may take forever.
            async with asyncio.timeout(FETCH_SECONDS):
                token = await self._source.fetch()
        except UpstreamError as error:
            self._failed(error)
        except TimeoutError:
            self._failed(UpstreamError("timeout", "No token came in time.", nothing_sent=True))
        else:
            self._token, self._failure, self._failures = token, None, 0
            self._ends = asked + token.seconds - min(SPARE_SECONDS, token.seconds / 4)
            self._renew_from = asked + token.seconds - min(EARLY_SECONDS, token.seconds / 4)
        finally:
            self._fetching = None

    def _failed(self, error: UpstreamError) -> None:
        pause = min(FIRST_PAUSE_SECONDS * 2**self._failures, LONGEST_PAUSE_SECONDS)
        self._failures = min(self._failures + 1, 8)
        wanted = min(error.retry_after or 0.0, LONGEST_PAUSE_SECONDS)
        self._paused_until = self._clock() + max(pause, wanted)
        self._failure = error.with_traceback(None)


def _again(failure: UpstreamError | None) -> UpstreamError:
    """A copy of the failure: each call gets its own, because errors are changed on their way."""
    if isinstance(failure, EgressDenied):
        return EgressDenied(failure.reason)
    if failure is None:
        return UpstreamError("interrupted", "No token was fetched.", nothing_sent=True)
    return UpstreamError(
        failure.kind,
        failure.message,
        retry_after=failure.retry_after,
        timer=failure.timer,
        nothing_sent=True,
    )
