"""Where a call goes (Provider, model, Credential), and a record of each try."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from stockyard.core.money import Usage

Outcome = Literal["ok", "failed", "partial", "abandoned"]


class Secret:
    """Holds a secret so that it cannot be printed, logged or stored by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("A secret is not stored.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Credential(Struct, frozen=True):
    """The secret we use at a Provider."""

    id: str
    """Identifies it in logs and answers; not secret."""
    provider: str
    secret: Secret
    own: bool = False
    """The caller brought it."""
    scheme: str = ""
    """The authorization scheme, if its provider has several; empty means the first of them."""


class Target(Struct, frozen=True):
    """Provider, model and Credential for one call."""

    provider: str
    model: str
    credential: Credential | None = None

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"

    @property
    def credential_id(self) -> str:
        """Empty if there is no Credential."""
        return self.credential.id if self.credential is not None else ""


class Attempt(Struct):
    """One try at a Target. Times are microseconds since the Exchange started."""

    target: Target
    started_us: int
    format: str = ""
    """The format spoken to the provider."""
    first_byte_us: int | None = None
    first_content_us: int | None = None
    ended_us: int | None = None
    status: int | None = None
    """The provider's HTTP status, when it gave one."""
    outcome: Outcome | None = None
    error: str | None = None
    """The error's kind (`stockyard.errors.ErrorKind`)."""
    timer: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    reused: bool = False
    upstream_id: str | None = None
    proof: Secret = Secret("")
    """Header lines made from the Credential for this try alone, such as a signature."""
    error_fields: Sequence[tuple[bytes, bytes]] = ()
    """The header fields of the provider's error. Clients get those about rate limits."""
    lost: Usage | None = None
    """What it used although the answer came of another try, or of none."""
