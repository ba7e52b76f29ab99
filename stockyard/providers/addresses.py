"""Addresses with placeholders such as `{region}`, and the values that fill them."""

import re
from collections.abc import Mapping

import msgspec

from stockyard.providers.row import Mention, Row, bad_row

_HOST = r"(?:[A-Za-z0-9._-]|\{[a-z_]+\})+|\[[0-9A-Fa-f:.]+\]"
_URL = re.compile(rf"((?:https?|wss?)://(?:{_HOST})(?::[0-9]{{1,5}})?)((?:/[^/?#\s]+)*)")
_SOCKET = re.compile(r"\Aws(?=s?:)")
_LOOPBACK = re.compile(r"https?://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_SETTING = re.compile(r"(?:https?://)?([A-Za-z0-9][A-Za-z0-9._-]*(?::[0-9]{1,5})?)/?")


def filled(address: str, values: Mapping[str, str]) -> str:
    """Fill in the known values; other placeholders stay."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), address)


def origin_and_path(name: str, url: str) -> tuple[str, str]:
    """Raises CannotStart, naming the provider, for what is no address."""
    parts = _URL.fullmatch(url)
    if parts is None:
        raise bad_row(name, "an address is `https://host[:port][/path]`, without user or query.")
    origin = parts[1].lower() if "{" not in parts[1] else parts[1]
    # A WebSocket is opened by a request like any other, at the same place.
    return _SOCKET.sub("http", origin), parts[2]


def is_loopback(origin: str) -> bool:
    return _LOOPBACK.fullmatch(origin) is not None


def values_for(name: str, row: Row, mention: Mention, environ: Mapping[str, str]) -> dict[str, str]:
    """The values for the placeholders of a provider's addresses and signatures."""
    values = dict(row.defaults)
    for setting, named in row.settings.items():
        variables = (named,) if isinstance(named, str) else named
        found = (environ.get(variable, "").strip() for variable in variables)
        if first := next(filter(None, found), None):
            values[setting] = first
    values |= mention.values
    elsewhere = values.keys() - _placeholders_of(row) if values else frozenset()
    for setting, value in values.items():
        if setting in elsewhere:
            continue
        plain = _SETTING.fullmatch(value)
        if plain is None:
            raise bad_row(name, f"the value of `{setting}` cannot stand in an address.")
        values[setting] = plain[1]
    for setting, derived in row.derived.items():
        if setting not in values and derived.of in values:
            spelling = derived.table.get(values[derived.of], derived.otherwise)
            values[setting] = filled(spelling, values)
    return values


def _placeholders_of(row: Row) -> set[str]:
    """Settings that an address needs, directly or through a derived value."""
    placeholders = _PLACEHOLDER.findall(msgspec.json.encode(row).decode())
    return {*placeholders, *(derived.of for derived in row.derived.values())}


def missing_for(
    row: Row, mention: Mention, values: Mapping[str, str], base_url: str
) -> tuple[str, ...]:
    """Missing settings without which the provider cannot be called, named as an operator sets
    them."""
    chosen = row.tokens.get(mention.scheme) if not mention.token_url else None
    token_url = filled(chosen.url, values) if chosen else ""
    names = {*_PLACEHOLDER.findall(base_url + token_url)}
    return tuple(sorted({row.derived[n].of if n in row.derived else n for n in names}))
