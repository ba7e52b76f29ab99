"""Authorization that differs from call to call: signatures of requests, and tokens that expire.

If a Credential needs such a proof, its Plan has a Prover and no authorization in the beginning of
its head. All other calls are not affected.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from stockyard.core.target import Attempt, Credential, Secret
from stockyard.providers.provider import Provider
from stockyard.providers.signable import Signable
from stockyard.upstream.outgoing import Outgoing


class Prover(Protocol):
    """Makes the proofs of one Credential at one provider."""

    async def proved(self, outgoing: Outgoing) -> Outgoing:
        """The call with its proof, made for this one try.

        Raises UpstreamError if there is no way to get a proof. It may await futures, but must not
        use the current task (`asyncio.timeout`), because a call may run without one.
        """

    def refused(self, proved: Outgoing, status: int, code: str | None) -> bool:
        """The provider answered with an error. True if a new proof may help: then the call is
        proved again and sent once more."""


Provers = Callable[[Provider, str, Credential], Prover | None]
"""(provider, scheme, credential) -> the Prover for its calls; None if the secret itself is sent.
The same Prover for the same arguments."""


def no_provers(provider: Provider, scheme: str, credential: Credential) -> None:
    """For installations in which every secret is sent as it is."""


def signable(outgoing: Outgoing) -> Signable:
    """The parts of a call to sign, parsed from the very bytes that will be sent."""
    line, _, _ = outgoing.head.partition(b"\r\n")
    method, target, _ = line.decode("ascii").split(" ")
    return Signable(method, target, outgoing.origin.host.decode("ascii"), outgoing.body)


async def proved_for(attempt: Attempt, prover: Prover, outgoing: Outgoing) -> Outgoing:
    """The call with its proof. The Attempt remembers the proof, so that an answer that repeats it
    can be covered."""
    proved = await prover.proved(outgoing)
    added = proved.head[len(outgoing.head) - len(b"\r\n") :]
    attempt.proof = Secret(added.decode("latin-1"))
    return proved


def with_field(outgoing: Outgoing, name: bytes, value: bytes) -> Outgoing:
    """The call with one more header field. Raises ValueError for a line break in it."""
    if b"\r" in value or b"\n" in value:
        raise ValueError("A header field has a value that it must not have.")
    head = b"%b%b: %b\r\n\r\n" % (outgoing.head[:-2], name, value)
    return msgspec.structs.replace(outgoing, head=head)
