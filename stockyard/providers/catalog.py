"""The known providers: `catalog.toml` with the operator's changes.

An invalid row stops the start with its name.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from stockyard.providers import auth
from stockyard.providers.addresses import (
    filled,
    is_loopback,
    missing_for,
    origin_and_path,
    values_for,
)
from stockyard.providers.offered import Offered
from stockyard.providers.provider import Provider
from stockyard.providers.quirks import calls as quirks_of_calls
from stockyard.providers.quirks import names as quirk_names
from stockyard.providers.row import (
    NOT_MENTIONED,
    Mention,
    Row,
    TokenPlace,
    bad_row,
    changed,
    mention_of,
    refuse_other_kind,
    row_of_kind,
    shipped_rows,
)

RESERVED = frozenset(
    "v1 v1beta v2 api ui mcp cursor hooks health livez readyz metrics status s a models chat "
    "completions responses messages embeddings images audio moderations rerank files batches "
    "realtime changes.atom changes.json badge robots.txt favicon.ico static".split()
)
"""First path segments that are ours, and so no names for providers (`api.md` 3)."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Catalog:
    """All providers by name, in the order in which the catalog has them."""

    __slots__ = ("_providers",)

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = dict(providers)

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._providers.values())

    def __len__(self) -> int:
        return len(self._providers)

    def __contains__(self, name: object) -> bool:
        return name in self._providers

    def get(self, name: str) -> Provider | None:
        return self._providers.get(name)


def load(
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Catalog:
    """The catalog, changed by `[providers.<name>]` and with its placeholders filled.

    Raises CannotStart, naming the row.
    """
    rows = shipped_rows()
    origins = {name: origin_and_path(name, row.base_url)[0] for name, row in rows.items()}
    mentions = {}
    for name, given in (overrides or {}).items():
        mentions[name] = mention_of(name, given)
        known = rows.get(name)
        if known is not None:
            refuse_other_kind(name, known, given)
        rows[name] = changed(name, known or row_of_kind(name, given), given)
    return Catalog(
        {
            name: _provider(name, row, mentions.get(name), origins.get(name), environ or {})
            for name, row in rows.items()
            if mentions.get(name, NOT_MENTIONED).enabled
        }
    )


def _provider(
    name: str,
    row: Row,
    mentioned: Mention | None,
    shipped_origin: str | None,
    environ: Mapping[str, str],
) -> Provider:
    mention = mentioned or NOT_MENTIONED
    _check(name, row)
    values = values_for(name, row, mention, environ)
    row = quirks_of_calls.called(_speaking(name, row, mention), values)
    written_origin = origin_and_path(name, row.base_url.rstrip("/"))[0]
    base_url = filled(row.base_url.rstrip("/"), values)
    origin, prefix = origin_and_path(name, base_url)
    offered = Offered(
        provider=name,
        row=row,
        values=values,
        origin=origin,
        prefix=prefix,
        moved_from=shipped_origin if shipped_origin != written_origin else None,
        given=mention.given,
    )
    return Provider(
        name=name,
        title=row.title,
        base_url=base_url,
        origin=origin,
        prefix=prefix,
        env=row.env,
        auth=row.auth,
        speaks=offered.speaks(),
        also=tuple(offered.also()),
        secrets=row.secrets,
        scheme=_scheme(name, row, mention),
        tokens=_tokens(name, row, mention, values, origin),
        values=values,
        endpoints=offered.endpoints(),
        quirks=row.quirks,
        traits=_traits(row, mention),
        models=row.models,
        model_traits=row.model_traits,
        features=frozenset(row.features),
        fields=tuple((k.lower().encode(), v.encode()) for k, v in row.fields.items()),
        query=urlencode(row.query),
        versions=row.versions,
        versions_alike=row.versions_alike,
        encoded_slash=row.encoded_slash,
        stays_below=_bounds(row, values, prefix),
        docs=row.docs,
        notes=row.notes,
        verified=row.verified,
        transport=row.transport,
        local=is_loopback(origin),
        named=mentioned is not None,
        allow_private=mention.allow_private,
        missing=missing_for(row, mention, values, base_url),
    )


def _bounds(row: Row, values: Mapping[str, str], prefix: str) -> tuple[str, ...]:
    """The bounds of its native route. They do not apply to a base URL with another path."""
    paths = (filled(path, values) for path in row.stays_below)
    return tuple(path for path in paths if f"{prefix}/".startswith(path))


def _traits(row: Row, mention: Mention) -> frozenset[str]:
    """The traits for codecs: the row's quirks, and those the operator set."""
    return frozenset({*row.quirks, *(["think_tags"] if mention.think_tags else [])})


def _check(name: str, row: Row) -> None:
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise bad_row(
            name, "this name cannot be used: lower case, digits and `-`, and not reserved."
        )
    for scheme in row.auth:
        if not auth.known(scheme):
            raise bad_row(name, f"unknown auth {scheme!r}.")
    for quirk in row.quirks:
        if not quirk_names.known(quirk):
            raise bad_row(name, f"unknown quirk {quirk!r}.")
    for scheme in {*row.secrets, *row.tokens} - {*row.auth}:
        raise bad_row(name, f"it says something of {scheme!r}, which is not in its `auth`.")
    for entry in row.unverified:
        if entry not in row.speaks and entry not in row.endpoints:
            raise bad_row(name, f"`unverified` names {entry!r}, which it does not offer.")


def _speaking(name: str, row: Row, mention: Mention) -> Row:
    """The row restricted to the formats that the operator named, if any."""
    if not mention.formats:
        return row
    for format_ in mention.formats:
        if format_ not in row.speaks:
            raise bad_row(name, f"`formats` must be of {', '.join(row.speaks)}.")
    return msgspec.structs.replace(
        row,
        speaks={format_: row.speaks[format_] for format_ in mention.formats},
        unverified=tuple(entry for entry in row.unverified if entry in row.endpoints),
    )


def _scheme(name: str, row: Row, mention: Mention) -> str:
    if mention.scheme and mention.scheme not in row.auth:
        raise bad_row(name, f"`auth` must be one of {', '.join(row.auth)}.")
    return mention.scheme


def _tokens(
    name: str, row: Row, mention: Mention, values: Mapping[str, str], origin: str
) -> dict[str, TokenPlace]:
    """Where secrets are exchanged for tokens, without those whose address lacks a value."""
    found = {}
    for scheme, place in row.tokens.items():
        url = filled(place.url, values)
        if url:
            url = mention.token_url or url
        if url.startswith("/"):
            url = origin + url
        if "{" in url:
            continue
        if url:
            origin_and_path(name, url)
        exchange_url = place.exchange_url and (mention.token_url or place.exchange_url)
        found[scheme] = msgspec.structs.replace(place, url=url, exchange_url=exchange_url)
    return found
