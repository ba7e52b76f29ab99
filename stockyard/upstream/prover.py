"""Proofs that are not the same for every call: signatures of a request, and tokens that expire.

A Plan whose Credential needs one has a Prover, and no proof in the beginning of its head. All other
calls know nothing of this.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from stockyard.core.target import Credential, Secret
from stockyard.providers.provider import Provider
from stockyard.providers.signable import Signable
from stockyard.upstream.outgoing import Outgoing


class Prover(Protocol):
    """Makes the proofs of one Credential at one provider."""

    async def proved(self, outgoing: Outgoing) -> Outgoing:
        """The call with its proof, made for this one try.

        Raises UpstreamError when there is no proof to be had. It may await futures, but nothing
        that asks for the current task, such as `asyncio.timeout`: a call may run without one.
        """

    def refused(self, proved: Outgoing, status: int, code: str | None) -> bool:
        """The provider answered with an error. True when another proof may cure it: then the call
        is proved again and sent once more."""


Provers = Callable[[Provider, str, Credential], Prover | None]
"""(provider, scheme, credential) -> who proves its calls; None where the secret itself is shown.
The same one for the same arguments."""


def no_provers(provider: Provider, scheme: str, credential: Credential) -> None:
    """Every secret is shown as it is."""


def signable(outgoing: Outgoing) -> Signable:
    """What is signed is read from the bytes that go out, so that it cannot be anything else."""
    line, _, _ = outgoing.head.partition(b"\r\n")
    method, target, _ = line.decode("ascii").split(" ")
    return Signable(method, target, outgoing.origin.host.decode("ascii"), outgoing.body)


def proof_in(proved: Outgoing, outgoing: Outgoing) -> Secret:
    """The header lines with which a call was proved."""
    return Secret(proved.head[len(outgoing.head) - len(b"\r\n") :].decode("latin-1"))


def with_field(outgoing: Outgoing, name: bytes, value: bytes) -> Outgoing:
    """The call with one more header field. Neither part may hold a line's end."""
    if b"\r" in value or b"\n" in value:
        raise ValueError("A header field has a value that it must not have.")
    head = b"%b%b: %b\r\n\r\n" % (outgoing.head[:-2], name, value)
    return msgspec.structs.replace(outgoing, head=head)
