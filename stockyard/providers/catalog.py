"""The known providers: `catalog.toml`, and what the operator changed in it.

A row that cannot be used stops the start with its name, whoever wrote it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from stockyard.core.kind import Kind
from stockyard.providers import auth
from stockyard.providers.provider import Entry, Provider
from stockyard.providers.quirks import calls as quirks_of_calls
from stockyard.providers.quirks import names as quirk_names
from stockyard.providers.row import (
    Mention,
    Place,
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
    "v1 v1beta v2 api ui mcp cursor hooks health livez readyz metrics status s a models chat "  # noqa: SIM905  a list of words reads better as one
    "completions responses messages embeddings images audio moderations rerank files batches "
    "realtime changes.atom changes.json badge robots.txt favicon.ico static".split()
)
"""First path segments that are ours (`api.md` 3)."""

KINDS: dict[str, Kind] = {
    "openai.completions": "completions",
    "ollama.generate": "completions",
    "embeddings": "embeddings",
    "embed_content": "embeddings",
    "images": "images",
    "image_edits": "images",
    "image_variations": "images",
    "speech": "audio",
    "transcriptions": "audio",
    "translations": "audio",
    "moderations": "moderations",
    "rerank": "rerank",
    "count_tokens": "count",
    "responses_compact": "chat",
    "realtime": "realtime",
}
"""Names of entries -> kind of call. Other endpoints are passed through."""

SHAPES = {
    "embeddings": "openai.embeddings",
    "images": "openai.images",
    "image_edits": "openai.images",
    "image_variations": "openai.images",
    "speech": "openai.speech",
    "transcriptions": "openai.transcriptions",
    "translations": "openai.transcriptions",
    "moderations": "openai.moderations",
    "rerank": "cohere.rerank",
    "realtime": "openai.realtime",
    "responses_compact": "openai.compact",
    "files": "openai.files",
    "batches": "openai.batches",
}
"""The format of an endpoint whose row names none. All others are the provider's own."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_HOST = r"(?:[A-Za-z0-9._-]|\{[a-z_]+\})+|\[[0-9A-Fa-f:.]+\]"
_URL = re.compile(rf"((?:https?|wss?)://(?:{_HOST})(?::[0-9]{{1,5}})?)((?:/[^/?#\s]+)*)")
_LOOPBACK = re.compile(r"https?://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_SETTING = re.compile(r"(?:https?://)?([A-Za-z0-9][A-Za-z0-9._-]*(?::[0-9]{1,5})?)/?")


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
    origins = {name: _split(name, row.base_url)[0] for name, row in rows.items()}
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
            if name not in mentions or mentions[name].enabled
        }
    )


def _provider(
    name: str,
    row: Row,
    mention: Mention | None,
    shipped_origin: str | None,
    environ: Mapping[str, str],
) -> Provider:
    _check(name, row)
    values = _values(name, row, mention, environ)
    row = quirks_of_calls.called(_speaking(name, row, mention), values)
    written_origin = _split(name, row.base_url.rstrip("/"))[0]
    base_url = _fill(row.base_url.rstrip("/"), values)
    origin, prefix = _split(name, base_url)
    moved_from = shipped_origin if shipped_origin != written_origin else None
    given = mention.given if mention else frozenset()
    entries = _Entries(name, row, values, origin, prefix)
    return Provider(
        name=name,
        title=row.title,
        base_url=base_url,
        origin=origin,
        prefix=prefix,
        env=row.env,
        auth=row.auth,
        speaks=entries.of(row.speaks, "chat", None if "speaks" in given else moved_from),
        also=tuple(entries.also(moved_from)),
        secrets=row.secrets,
        scheme=_scheme(name, row, mention),
        tokens=_tokens(name, row, mention, values, origin),
        values=values,
        endpoints=entries.of(
            row.endpoints, "passthrough", None if "endpoints" in given else moved_from
        ),
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
        local=_LOOPBACK.fullmatch(origin) is not None,
        named=mention is not None,
        allow_private=mention is not None and mention.allow_private,
        missing=_missing(row, mention, values, base_url),
    )


def _bounds(row: Row, values: Mapping[str, str], prefix: str) -> tuple[str, ...]:
    """Where its native route ends. They say nothing of a base URL with another path."""
    paths = (_fill(path, values) for path in row.stays_below)
    return tuple(path for path in paths if f"{prefix}/".startswith(path))


def _traits(row: Row, mention: Mention | None) -> frozenset[str]:
    """What codecs look for: the quirks of its row, and what the operator knows of its models."""
    known = {"think_tags"} if mention is not None and mention.think_tags else set[str]()
    return frozenset(row.quirks) | known


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


def _values(
    name: str, row: Row, mention: Mention | None, environ: Mapping[str, str]
) -> dict[str, str]:
    """What to put for the placeholders of its addresses, and what else it wants to know."""
    values = dict(row.defaults)
    for setting, named in row.settings.items():
        variables = (named,) if isinstance(named, str) else named
        found = (environ.get(variable, "").strip() for variable in variables)
        if first := next(filter(None, found), None):
            values[setting] = first
    if mention is not None:
        values |= mention.values
    elsewhere = values.keys() - _placed(row) if values else frozenset()
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
            values[setting] = _fill(spelling, values)
    return values


def _placed(row: Row) -> set[str]:
    """Settings that become part of an address, by themselves or through another."""
    placeholders = _PLACEHOLDER.findall(msgspec.json.encode(row).decode())
    return {*placeholders, *(derived.of for derived in row.derived.values())}


def _missing(
    row: Row, mention: Mention | None, values: Mapping[str, str], base_url: str
) -> tuple[str, ...]:
    """Settings without which it cannot be called, as an operator gives them."""
    chosen = row.tokens.get(mention.scheme) if mention and not mention.token_url else None
    token_url = _fill(chosen.url, values) if chosen else ""
    names = {*_PLACEHOLDER.findall(base_url + token_url)}
    return tuple(sorted({row.derived[n].of if n in row.derived else n for n in names}))


def _speaking(name: str, row: Row, mention: Mention | None) -> Row:
    """The row with the formats that the operator named, if any."""
    named = mention.formats if mention else ()
    if not named:
        return row
    for format_ in named:
        if format_ not in row.speaks:
            raise bad_row(name, f"`formats` must be of {', '.join(row.speaks)}.")
    return msgspec.structs.replace(
        row,
        speaks={format_: row.speaks[format_] for format_ in named},
        unverified=tuple(entry for entry in row.unverified if entry in row.endpoints),
    )


def _scheme(name: str, row: Row, mention: Mention | None) -> str:
    scheme = mention.scheme if mention else ""
    if scheme and scheme not in row.auth:
        raise bad_row(name, f"`auth` must be one of {', '.join(row.auth)}.")
    return scheme


def _tokens(
    name: str, row: Row, mention: Mention | None, values: Mapping[str, str], origin: str
) -> dict[str, TokenPlace]:
    """Where secrets are exchanged. An address that lacks a value is none."""
    found = {}
    for scheme, place in row.tokens.items():
        url = _fill(place.url, values)
        if mention is not None and mention.token_url and url:
            url = mention.token_url
        if url.startswith("/"):
            url = origin + url
        if "{" in url:
            continue
        if url:
            _split(name, url)
        moved = mention.token_url if mention is not None and place.exchange_url else ""
        found[scheme] = msgspec.structs.replace(
            place, url=url, exchange_url=moved or place.exchange_url
        )
    return found


class _Entries(NamedTuple):
    """Makes the entries of one row."""

    provider: str
    row: Row
    values: Mapping[str, str]
    origin: str
    prefix: str

    def of(
        self, places: Mapping[str, str | Place], default_kind: Kind, moved_from: str | None
    ) -> dict[str, Entry]:
        """`moved_from` is the origin from which the operator moved the provider elsewhere."""
        entries = {}
        for name, place in places.items():
            place = Place(place) if isinstance(place, str) else place
            where = self._where(place.path, moved_from)
            if where is not None:
                entries[name] = self._entry(name, place, default_kind, *where)
        return entries

    def also(self, moved_from: str | None) -> Iterator[Entry]:
        """Further paths of its native route."""
        for path, what in self.row.also.items():
            offered = self.row.endpoints.get(what)
            shape = offered.format if isinstance(offered, Place) else None
            kind: Kind = "passthrough" if offered is not None or what in SHAPES else "chat"
            yield from self.of({what: Place(path, shape)}, kind, moved_from).values()

    def _entry(self, name: str, place: Place, default_kind: Kind, origin: str, path: str) -> Entry:
        own_shape = name if default_kind == "chat" else SHAPES.get(name, "")
        return Entry(
            name=name,
            format=place.format or own_shape,
            kind=KINDS.get(name, default_kind),
            origin=origin,
            path=path,
            auth=(place.auth,) if place.auth else self.row.auth,
            stream_query=place.stream_query,
            models=place.models,
            takes=place.takes,
            encoded="model_in_path_encoded" in self.row.quirks,
            certain=name not in self.row.unverified,
        )

    def _where(self, path: str, moved_from: str | None) -> tuple[str, str] | None:
        """Origin and path of an entry.

        The secret of a provider whose base URL was changed must not reach the host that its row
        had named (`security.md` S10): what stood on the old host is looked for on the new one,
        and what stood elsewhere is gone.
        """
        if path.startswith("/"):
            return self.origin, self.prefix + path
        origin, rest = _split(self.provider, _fill(path, self.values))
        if moved_from is None:
            return origin, rest
        written_origin, _ = _split(self.provider, path)
        return (self.origin, rest) if written_origin == moved_from else None


def _fill(address: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), address)


def _split(name: str, url: str) -> tuple[str, str]:
    parts = _URL.fullmatch(url)
    if parts is None:
        raise bad_row(name, "an address is `https://host[:port][/path]`, without user or query.")
    return parts[1].lower() if "{" not in parts[1] else parts[1], parts[2]
