"""What becomes of a call whose provider cannot be told all that it says (`wire.md` 1.10)."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from stockyard.core.caller import Lossy
from stockyard.core.exchange import Exchange
from stockyard.errors import Refused

HEADER = "x-stockyard-dropped"


class Policies(Struct, frozen=True):
    """Whose calls are refused then, and who is told; the first of these that says something."""

    keys: Mapping[str, Lossy] = {}
    """By the name of a Key. What the Key itself says counts before."""
    aliases: Mapping[str, Lossy] = {}
    """By the name that stands for models."""
    usual: Lossy = "warn"
    local_tools: bool = False
    """Tools that only some models know and that clients run themselves are told as functions."""

    def of(self, x: Exchange) -> Lossy:
        by_key = x.caller.lossy or self.keys.get(x.caller.key_name)
        return by_key or x.lossy or self.aliases.get(x.request.model) or self.usual


def leave_out(
    x: Exchange, policies: Policies, module: str, action: str, fields: Sequence[str]
) -> None:
    """Note that these fields are left out or weakened. Raises Refused (400) for a caller who wants
    all or nothing."""
    policy = policies.of(x)
    if policy == "strict":
        raise refused(fields)
    x.note(module, action, {"fields": list(fields)})
    if policy == "warn":
        before = [value for name, value in x.told if name == HEADER]
        x.retell(HEADER, ",".join(dict.fromkeys((*before, *fields))))


def forget(x: Exchange) -> None:
    """What an earlier try lost is not lost by the next one."""
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
