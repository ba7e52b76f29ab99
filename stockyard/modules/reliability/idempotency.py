"""Answer a repeated request with what the first one got, instead of making the call again.

Why
    A client whose connection broke does not know whether its call was made. If it sends it again,
    it is made and paid for twice. With an `Idempotency-Key` it is made once: a repeat joins the
    answer from its beginning while the first call runs, and later gets the stored one. Repeats use
    up no limits.

    Keys of different teams and different Keys of ours never meet. Answers are kept in the memory of
    this process, 64 MiB in all: a restart forgets them, and a repeat is then made again. Refused
    and failed calls are forgotten at once. Events have no ids, because some official SDKs lose
    events that have one, so `Last-Event-ID` is ignored: a repeat gets the stream from its
    beginning. Files, batches and other things that providers store are not covered; the header is
    forwarded to their providers.

Example
    [modules.idempotency]
    hours = 48
    in_flight = "refuse"

Caller sees
    On a repeat, `Idempotent-Replay: true` and the same body, as a stream if it was one. HTTP 422
    `idempotency_mismatch` if the request is another one than before; HTTP 409
    `idempotency_in_flight` if the first call still runs and cannot be joined.
"""

from functools import partial
from hashlib import sha256
from typing import Annotated, Literal

from msgspec import Meta

from stockyard.core.claim import Claim, Terms
from stockyard.core.exchange import Exchange
from stockyard.core.kind import ALL_KINDS
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.core.ports import Ports
from stockyard.core.redelivery import Redelivery
from stockyard.core.stream import Answer
from stockyard.errors import Refused

AT_ONCE_BYTES = 512 * 1024
"""A larger body is digested in a thread."""
STEP_BYTES = 1024 * 1024
HEADER = "idempotency-key"


class Config(ModuleConfig, frozen=True):
    hours: Annotated[
        int, Meta(ge=1, le=168, description="How long the answer to a call is kept for repeats.")
    ] = 24
    in_flight: Annotated[
        Literal["join", "refuse"],
        Meta(description="A repeat while the first call runs: it joins the answer, or is refused."),
    ] = "join"
    on_abandon: Annotated[
        Literal["finish", "stop"],
        Meta(
            description="When nobody waits for the answer any more: finish the call for a caller "
            "who comes back, or stop it."
        ),
    ] = "finish"
    max_bytes: Annotated[
        int, Meta(ge=1, le=67_108_864, description="Larger answers are not kept.")
    ] = 4_194_304
    max_key_chars: Annotated[
        int, Meta(ge=1, le=255, description="The longest `Idempotency-Key`.")
    ] = 255


class Idempotency(Module[Config]):
    name = "idempotency"
    category = "reliability"
    stage = Stage.ADMIT
    handles = ALL_KINDS - {"realtime"}
    only_keyed = True
    patience_seconds = 30.0

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        self._terms = Terms(
            config.hours * 3600.0, config.max_bytes, goes_on=config.on_abandon == "finish"
        )

    async def on_request(self, x: Exchange) -> Answer | None:
        key = x.asked.idempotency
        if len(key) > self.config.max_key_chars:
            most = self.config.max_key_chars
            message = f"An Idempotency-Key has at most {most} characters."
            raise Refused(400, "invalid_control_header", message, param=HEADER)
        fingerprint = await self._fingerprint(x)
        name = _digest(x.partition, x.caller.key_id, key)
        claim = self.ports.claims.find(name)
        if claim is None:
            self._begin(x, name, fingerprint)
            return None
        if claim.fingerprint != fingerprint:
            x.note(self.name, "mismatch")
            message = "This Idempotency-Key was sent with another request. Use a new one."
            raise Refused(422, "idempotency_mismatch", message, param=HEADER)
        return self._repeat(x, claim)

    def _begin(self, x: Exchange, name: bytes, fingerprint: bytes) -> None:
        claims = self.ports.claims
        claim = Claim(name, fingerprint, x.id, self._terms, claims)
        if claims.add(claim):
            x.claim = claim
        else:
            x.note(self.name, "not_kept", {"reason": "full"})

    def _repeat(self, x: Exchange, claim: Claim) -> Answer:
        if not claim.is_over and (self.config.in_flight == "refuse" or not claim.takes_readers):
            message = "The first call with this Idempotency-Key is still running."
            raise Refused(409, "idempotency_in_flight", message, retry_after=1)
        x.note(self.name, "replayed" if claim.is_over else "joined", {"of": claim.maker_id})
        x.tell("Idempotent-Replay", "true")
        x.claim = claim
        return Redelivery(claim, x.id)

    async def _fingerprint(self, x: Exchange) -> bytes:
        """Stands for what is asked."""
        inbound, body = x.inbound, x.as_sent or x.inbound.body
        digest = partial(_digest_of_body, body)
        of_body = digest() if len(body) <= AT_ONCE_BYTES else await self.ports.offload(digest)
        form = f"{inbound.format} {x.received.stream}"  # a query that is not forwarded decides it
        return _digest(inbound.method, inbound.path, inbound.query, form, of_body.hex())


def _digest(*parts: str) -> bytes:
    return sha256("\0".join(parts).encode()).digest()


def _digest_of_body(body: bytes) -> bytes:
    """In steps, because a large body may be a file."""
    digest = sha256()
    for start in range(0, len(body), STEP_BYTES):
        digest.update(body[start : start + STEP_BYTES])
    return digest.digest()
