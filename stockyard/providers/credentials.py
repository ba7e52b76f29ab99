"""The Credentials known at the start, and the only origin each may be sent to."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from stockyard.core.target import Credential, Secret
from stockyard.errors import CannotStart
from stockyard.providers import auth
from stockyard.providers.catalog import Catalog
from stockyard.providers.provider import Provider
from stockyard.providers.row import BAD_CONFIG


class HeldCredential(Struct, frozen=True):
    """A Credential and the only origin that it may be sent to (`security.md` S10)."""

    credential: Credential
    origin: str


def held_from_environment(
    catalog: Catalog, environ: Mapping[str, str]
) -> tuple[HeldCredential, ...]:
    """The Credentials in the environment, one per provider; the first variable wins.

    They belong to the base URLs in force now: a Directory built later, after one of these was
    changed, does not use them. Raises CannotStart for a value that no header can carry.
    """
    found = ((p, _credential(p, environ)) for p in catalog)
    return tuple(
        HeldCredential(credential, p.origin) for p, credential in found if credential is not None
    )


def _credential(provider: Provider, environ: Mapping[str, str]) -> Credential | None:
    """What the environment, or the machine itself when the operator said so, has for a provider."""
    chosen = provider.scheme
    if chosen and not auth.needs_secret(chosen):
        return Credential(id=chosen, provider=provider.name, secret=Secret(""), scheme=chosen)
    for scheme, variables in provider.variables():
        if scheme != chosen and (chosen or scheme in auth.WHEN_CHOSEN):
            continue
        found = _first_set(variables, environ, scheme)
        if found is not None:
            variable, secret = found
            first = scheme == provider.auth[0]
            return Credential(
                id=f"env:{variable}",
                provider=provider.name,
                secret=Secret(secret),
                scheme="" if first else scheme,
            )
    return None


def _first_set(
    variables: Iterable[str], environ: Mapping[str, str], scheme: str
) -> tuple[str, str] | None:
    for variable in variables:
        secret = environ.get(variable, "").strip()
        if not secret:
            continue
        if not auth.made_per_call(scheme) and not auth.sendable(secret):
            what = f"The value of {variable} holds a character that cannot be sent. Set it again."
            raise CannotStart(BAD_CONFIG, what)
        return variable, secret
    return None
