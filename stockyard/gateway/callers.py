"""Find out who calls: by one of our Keys, or with a provider's own secret."""

import hashlib
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from stockyard.core.caller import Caller
from stockyard.core.inbound import ControlHeaders
from stockyard.core.target import Credential, Secret
from stockyard.errors import Refused
from stockyard.gateway import ingress
from stockyard.gateway.contract import Peer
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.handshake import key_in_protocols
from stockyard.gateway.http import Head
from stockyard.providers.auth import provider_of_secret, sendable

UNKNOWN = "Incorrect API key provided: this Key is unknown, revoked, paused or expired."
"""It begins with OpenAI's own words, by which some clients recognise this error."""
SHOWN = 8
"""Hex digits of the SHA-256 of a caller's own secret in the name that is displayed."""
TELLING = 32
"""Hex digits in its id: eight are few enough for anybody to find a secret with the same ones."""
ELSEWHERE = "This Key may not be used from this address."


class Keys(Protocol):
    """The Keys that we issued."""

    @property
    def generation(self) -> int:
        """Changes with every Key that is created or revoked."""

    def caller_of(self, secret: bytes) -> Caller | None: ...


class Callers:
    def __init__(
        self,
        keys: Keys,
        bring_your_own: Callable[[], str],
        refused: Callable[[str, str], None],
    ) -> None:
        """`bring_your_own`: who may call with a provider's own secret, `loopback` or nobody.
        `refused` is called with address and reason for every caller who may not call."""
        self._keys = keys
        self._bring_your_own = bring_your_own
        self._refused = refused

    def identify(
        self, head: Head, peer: Peer, endpoint: Endpoint
    ) -> tuple[Caller, Credential | None]:
        """The caller, and the provider's own secret if it brought one. Raises Refused (401)."""
        try:
            return self._identified(head, peer, endpoint)
        except Refused as refusal:
            self._refused(peer.address, refusal.code)
            raise

    def _identified(
        self, head: Head, peer: Peer, endpoint: Endpoint
    ) -> tuple[Caller, Credential | None]:
        if head.raw.lower().count(b"\nauthorization:") > 1:
            raise Refused(401, "invalid_key", "There must be at most one Authorization field.")
        secret = self._secret(head, endpoint)
        if not secret:
            raise Refused(401, "invalid_key", _no_key(head, secret))
        if secret.startswith(ingress.OURS):
            caller = self._keys.caller_of(secret.encode("latin-1"))
            if caller is None:
                raise Refused(401, "invalid_key", UNKNOWN)
            if not caller.may_call_from(peer.address):
                raise Refused(403, "address_denied", ELSEWHERE)
            return _placed(caller, head, peer), None
        return self._own(secret, head, peer, endpoint)

    def _secret(self, head: Head, endpoint: Endpoint) -> str | None:
        """The secret that the caller sent; None if there is none, "" if it is empty."""
        secret = ingress.secret_of(head)
        if secret is None and endpoint.key_in_query:
            secret = ingress.key_in(head.query)
        if secret is None and endpoint.realtime:
            secret = key_in_protocols(head)
        return secret

    def _own(
        self, secret: str, head: Head, peer: Peer, endpoint: Endpoint
    ) -> tuple[Caller, Credential]:
        """A caller with a provider's own secret, which is sent to that provider and nowhere
        else."""
        allowed = self._bring_your_own() == "loopback" and peer.loopback
        provider = provider_of_secret(secret) if sendable(secret) else None
        if not allowed or provider is None or endpoint.native not in (None, provider):
            raise Refused(401, "invalid_key", _no_key_of_ours(secret))
        digest = hashlib.sha256(secret.encode()).hexdigest()
        shown = f"own:{digest[:SHOWN]}"
        credential = Credential(id=shown, provider=provider, secret=Secret(secret), own=True)
        caller = Caller(
            key_id=f"own:{digest[:TELLING]}", key_name=shown, team_id="unassigned", strange=True
        )
        return _placed(caller, head, peer), credential

    def standing(self, head: Head, endpoint: Endpoint) -> Callable[[], bool]:
        """Tells, for as long as a session lasts, whether the Key that opened it is still valid."""
        secret = (self._secret(head, endpoint) or "").encode("latin-1")
        seen = self._keys.generation

        def holds() -> bool:
            return self._keys.generation == seen or self._keys.caller_of(secret) is not None

        return holds


def _placed(caller: Caller, head: Head, peer: Peer) -> Caller:
    agent = head.field(b"user-agent")
    app = agent.decode("latin-1")[:128] if agent is not None else ""
    return replace(caller, address=peer.address, loopback=peer.loopback, app=app)


def on_behalf(caller: Caller, asked: ControlHeaders) -> Caller:
    """The caller, with the project, user and customer that its control headers name."""
    if not (asked.project or asked.user or asked.customer):
        return caller
    project = asked.project or caller.project
    return replace(caller, project=project, user=asked.user, customer=asked.customer)


def _no_key(head: Head, secret: str | None) -> str:
    hint = (
        "Send a Key: `Authorization: Bearer sk-sy-...`. Make one: `stockyard keys create my-app`."
    )
    if secret is None:
        return hint
    if not (head.field(b"authorization") or b"bearer").lower().startswith(b"bearer"):
        return f"{hint} (Your Authorization does not begin with `Bearer `.)"
    return f"{hint} (Your bearer was empty.)"


def _no_key_of_ours(secret: str) -> str:
    if secret.startswith(ingress.ADMIN):
        return "This is an admin credential. Calls take a Key (`sk-sy-...`)."
    if ingress.OURS in secret:
        return "This is not a Key of this gateway: one begins with `sk-sy-`, without quotes."
    return "This is not a Key of this gateway."
