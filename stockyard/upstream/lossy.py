"""Handle request fields that the provider's format has no equivalent for (`wire.md` 1.10)."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from stockyard.core.caller import Lossy
from stockyard.core.exchange import Exchange
from stockyard.errors import Refused

HEADER = "x-stockyard-dropped"


class Policies(Struct, frozen=True):
    """Which policy applies to a call: that of its Key, its alias, or the default."""

    keys: Mapping[str, Lossy] = {}
    """By the name of a Key. A policy on the Key itself has precedence."""
    aliases: Mapping[str, Lossy] = {}
    """By the alias of a model."""
    usual: Lossy = "warn"
    """The default."""
    local_tools: bool = False
    """Declare tools that clients run themselves, and only some models know, as functions."""

    def of(self, x: Exchange) -> Lossy:
        by_key = x.caller.lossy or self.keys.get(x.caller.key_name)
        return by_key or x.lossy or self.aliases.get(x.request.model) or self.usual


def leave_out(
    x: Exchange, policies: Policies, module: str, action: str, fields: Sequence[str]
) -> None:
    """Note that these fields are dropped or weakened, and tell the caller if the policy is `warn`.
    Raises Refused (400) if it is `strict`."""
    policy = policies.of(x)
    if policy == "strict":
        raise refused(fields)
    x.note(module, action, {"fields": list(fields)})
    if policy == "warn":
        before = [value for name, value in x.told if name == HEADER]
        x.retell(HEADER, ",".join(dict.fromkeys((*before, *fields))))


def forget(x: Exchange) -> None:
    """A new try begins: forget what the last one dropped."""
    x.told = [told for told in x.told if told[0] != HEADER]


def refused(fields: Sequence[str]) -> Refused:
    first = fields[0]
    others = f" The same is true of {', '.join(fields[1:])}." if fields[1:] else ""
    return Refused(
        400,
        "invalid_request",
        f"The provider of this model cannot be told '{first}', and nothing may be lost on the way."
        f"{others}",
        param=first.partition(":")[0],
        detail={"fields": list(fields)},
    )
