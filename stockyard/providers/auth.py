"""Authentication schemes of providers, and recognising whose secret a caller sent.

A scheme is a name with up to two arguments, as it stands in the catalog:

    bearer                   Authorization: Bearer <secret>
    header:<Name>            <Name>: <secret>
    header:<Name>:<Scheme>   <Name>: <Scheme> <secret>, or the bare secret if the scheme is empty
    query:<name>             ?<name>=<secret>
    none                     nothing

The schemes in MADE_PER_CALL have proofs that expire or are good for one request only. Those are
made in `upstream/`; here stand their names.
"""

from collections.abc import Callable
from functools import cache
from urllib.parse import quote

from msgspec import Struct

from stockyard.errors import InvalidConfig


class Proof(Struct, frozen=True):
    """The header fields and query that authenticate a call."""

    fields: tuple[tuple[bytes, bytes], ...] = ()
    query: str = ""
    """Encoded, without `?` or `&`."""


def authorize(scheme: str, secret: str) -> Proof:
    """The proof for one call. Raises InvalidConfig for a secret that no header can carry."""
    name, _, arguments = scheme.partition(":")
    if name != "none" and not sendable(secret):
        raise InvalidConfig("api_key", "A secret holds a character that cannot be sent.")
    return SCHEMES[name](secret, *arguments.split(":")) if arguments else SCHEMES[name](secret)


@cache
def shown_in(schemes: tuple[str, ...]) -> frozenset[bytes]:
    """The header fields used by schemes that send the secret itself."""
    plain = (scheme for scheme in schemes if not made_per_call(scheme))
    return frozenset(name for scheme in plain for name, _ in authorize(scheme, "x").fields)


def known(scheme: str) -> bool:
    """Whether this scheme exists."""
    name, *arguments = scheme.split(":")
    return len(arguments) in _ARGUMENTS.get(name, ()) and all(arguments[:1])


def made_per_call(scheme: str) -> bool:
    """Whether the secret itself is never sent, so that it may hold any characters."""
    return scheme.partition(":")[0] in MADE_PER_CALL


def exchanged(scheme: str) -> bool:
    """Whether the secret is exchanged for tokens."""
    return scheme in EXCHANGED


def needs_secret(scheme: str) -> bool:
    """Whether the operator must give a secret; the machine's own identity needs none."""
    return scheme.partition(":")[0] not in OF_THE_MACHINE


def sendable(secret: str) -> bool:
    """Whether a secret is valid in a header: visible ASCII only, and not empty."""
    return secret.isascii() and secret.isprintable() and bool(secret) and " " not in secret


def provider_of_secret(secret: str) -> str | None:
    """The provider that a secret belongs to, by its prefix; None for our own Keys (`wire.md`
    2.5)."""
    return next((provider for prefix, provider in SHAPES if secret.startswith(prefix)), None)


def _bearer(secret: str) -> Proof:
    return Proof(fields=((b"authorization", b"Bearer " + secret.encode("ascii")),))


def _header(secret: str, name: str, scheme: str | None = None) -> Proof:
    shown = f"{scheme} {secret}" if scheme else secret
    return Proof(fields=((name.lower().encode("ascii"), shown.encode("ascii")),))


def _query(secret: str, name: str) -> Proof:
    return Proof(query=f"{name}={quote(secret, safe='')}")


def _none(secret: str) -> Proof:
    return Proof()


SCHEMES: dict[str, Callable[..., Proof]] = {
    "bearer": _bearer,
    "header": _header,
    "query": _query,
    "none": _none,
}

EXCHANGED = frozenset(
    {"client_credentials", "copilot", "entra", "entra_federated", "google", "ibm_iam"}
)
"""The secret is exchanged for tokens, at the place that the row names."""
SIGNED_BY_MACHINE = frozenset(
    {
        "sigv4_chain",
        "sigv4_container",
        "sigv4_file",
        "sigv4_instance",
        "sigv4_web_identity",
    }
)
OF_THE_MACHINE = SIGNED_BY_MACHINE | {"entra_managed", "google_metadata"}
"""The machine, or its own cloud, hands out tokens or keys. It is asked only when the operator says
so; for a file that is there, it is enough that no other secret is."""
WHEN_CHOSEN = frozenset({"entra_federated"})
"""Often present in the environment by chance, so used only when the operator chooses it."""
SIGNED = frozenset({"oci_signature", "sigv4"})
"""The secret signs each request, or says where the key is that does."""
MADE_PER_CALL = EXCHANGED | OF_THE_MACHINE | SIGNED

_ARGUMENTS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(MADE_PER_CALL, (0,)),
    "bearer": (0,),
    "header": (1, 2),
    "query": (1,),
    "none": (0,),
    **dict.fromkeys({"sigv4"} | SIGNED_BY_MACHINE, (1,)),
}

SHAPES: tuple[tuple[str, str | None], ...] = tuple(
    sorted(
        {
            "sk-sy-": None,  # ours
            "sk-ant-": "anthropic",
            "sk-or-": "openrouter",
            "sk-proj-": "openai",
            "sk-svcacct-": "openai",
            "sk-": "openai",
            "gsk_": "groq",
            "fw_": "fireworks",
            "pplx-": "perplexity",
            "xai-": "xai",
            # Not confirmed. A wrong guess only means that the provider refuses the secret.
            "AIza": "gemini",
            "hf_": "huggingface",
            "nvapi-": "nvidia",
            "csk-": "cerebras",
            "r8_": "replicate",
        }.items(),
        key=lambda shape: -len(shape[0]),
    )
)
"""How secrets begin, longest first."""
