"""Every error that Stockyard raises on purpose.

An error says what happened in words for the person who reads it. How it looks on the wire is
decided in one place, `gateway/egress.py`, from the typed fields here and never from the text.
"""

from collections.abc import Mapping
from typing import Any, Literal

ErrorKind = Literal[
    "bad_request",
    "context_length",
    "content_filtered",
    "auth",
    "no_credit",
    "permission",
    "model_unknown",
    "timeout",
    "too_large",
    "rate_limited",
    "quota_exhausted",
    "overloaded",
    "provider_fault",
    "bad_answer",
    "unreachable",
    "interrupted",
]
"""What went wrong at a provider, in neutral words (`wire.md` 10.2).

`unreachable`: no connection, so nothing was sent. `interrupted`: the answer broke off.
"""

RETRYABLE: frozenset[ErrorKind] = frozenset(
    {
        "timeout",
        "rate_limited",
        "overloaded",
        "provider_fault",
        "bad_answer",
        "unreachable",
        "interrupted",
    }
)
"""Kinds that another try, or another Target, may cure."""


class StockyardError(Exception):
    """Anything Stockyard raises on purpose."""

    message: str

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refused(StockyardError):
    """A call that Stockyard does not carry out: for a rule, a limit, or bad input."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        param: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        """Seconds until it makes sense to ask again; None when a repeat cannot help."""
        self.param = param
        """The field of the request that is at fault, as the client spells it."""
        self.detail = detail
        self.module: str | None = None
        """The module that refused; filled in by the pipeline."""


class UpstreamError(StockyardError):
    """A provider did not answer, or answered with an error."""

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        timer: str | None = None,
        provider: str | None = None,
        own_credential: bool = True,
        nothing_sent: bool = False,
        in_vain: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.status = status
        """The provider's HTTP status, when it gave one."""
        self.code = code
        """The provider's own error code, when it gave one."""
        self.param = param
        self.retry_after = retry_after
        """Seconds the provider asked to wait."""
        self.timer = timer
        """The name of the deadline that passed, such as `timeout.first_byte`."""
        self.provider = provider
        self.own_credential = own_credential
        """Whether the Credential was ours; False when the caller brought one."""
        self.nothing_sent = nothing_sent
        """True when no byte of the request left, so that sending it again cannot act twice."""
        self.in_vain = in_vain
        """Whether the provider said that sending it again cannot help."""
        self.raw: Any = None
        """The provider's error answer (`core.response.Raw`), to be handed on by native routes."""

    @property
    def retryable(self) -> bool:
        return self.kind in RETRYABLE


class EgressDenied(UpstreamError):
    """An address that may not be called. `reason` is a stable code; the address is never told."""

    def __init__(self, reason: str) -> None:
        super().__init__("unreachable", "This address may not be called.", nothing_sent=True)
        self.reason = reason

    @property
    def retryable(self) -> bool:
        return False


class Abandoned(StockyardError):
    """The caller hung up before its answer was complete."""

    def __init__(self) -> None:
        super().__init__("The caller hung up.")


class HookInterrupted(BaseException):
    """A hook of a module held the event loop, did not return, and was broken off.

    No Exception, so that a hook that tries again whatever happens does not go on.
    """


class MalformedFrame(StockyardError):
    """Bytes from a provider that are not what its format promises."""


class InvalidConfig(StockyardError):
    """A module's Config that cannot be used. `path` is where below `root`, as in
    `limits[0].calls`."""

    def __init__(
        self,
        path: str,
        message: str,
        *,
        code: str = "invalid",
        status: int = 400,
        root: str = "config",
    ) -> None:
        super().__init__(message)
        self.path = path
        self.root = root
        self.code = code
        self.status = status


class PortMissing(StockyardError):
    """A module asked for a Port that nothing in this installation provides."""


class CannotStart(StockyardError):
    """The process cannot start, or cannot go on. `exit_code` is one of `reliability.md` 9.6."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
