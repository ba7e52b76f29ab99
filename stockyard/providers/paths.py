"""Resolve the path of a call on a native route (`wire.md` 2.3).

Clients spell the same path in many ways: with and without the version, with and without the part
that the provider's own base URL has. Ten rules, first match wins, find out what was meant. In
their words: P is the path of the provider's base URL, R what was asked for, K the paths that its
row knows, and R' is R without a leading version segment.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, unquote

from msgspec import Struct

from stockyard.core.kind import Kind
from stockyard.providers.provider import Entry, Provider
from stockyard.providers.row import CUSTOMARY

LONGEST_REMEMBERED = 512
"""Longer paths are looked up anew each time, so that what is remembered stays small."""

_VERSION = re.compile(r"/v[0-9]+(?:alpha|beta)?[0-9]*(?=/|$)")
_FROM_VERSION = re.compile(_VERSION.pattern + r".*")
"""The caller's version segment replaces the provider's, with everything after it: the base URL of a
relay may have a path before the version."""
_PARAMETER = re.compile(r"\{([a-z_]+)(?::([^}]+))?\}")
_UNSAFE = re.compile(
    r"//"
    r"|(?:/|^)(?:\.|%2e){1,2}(?:/|$)"
    r"|[\\?#\x00-\x20\x7f]"
    r"|%(?:5c|[01][0-9a-f]|7f)"
    r"|%(?![0-9a-f]{2})",
    re.IGNORECASE,
)
_ENCODED_SLASH = re.compile(r"%2f", re.IGNORECASE)
_CUSTOMARY_FORMAT = {path: name for name, path in CUSTOMARY.items()}
_STAYS = frozenset(
    (
        "key api_key api-key apikey access_token oauth_token subscription-key"
        " $httpmethod $httpheaders"
    ).split()
)
"""Query parameters that never reach a provider: secrets, and those that some servers read as
another method or header than was checked here."""


class NativePath(Struct, frozen=True):
    """A resolved native path."""

    origin: str
    path: str
    entry: Entry | None
    """None for a path that the row does not list: its bodies are relayed unread."""
    model: str = ""
    """The model, when the path names it."""
    verb: str = ""

    @property
    def format(self) -> str | None:
        return (self.entry.format or None) if self.entry else None

    @property
    def kind(self) -> Kind:
        return self.entry.kind if self.entry else "passthrough"

    @property
    def streams(self) -> bool:
        """Whether the path itself asks for a stream."""
        return self.entry is not None and self.entry.streams(self.verb)

    @property
    def endpoint(self) -> str:
        return self.entry.name if self.entry else ""


def resolve(provider: Provider, rest: str) -> NativePath | None:
    """What `/{provider.name}{rest}` means; None when it must be answered with 404.

    `rest` starts with a slash and has no query. A format says what POST bodies on this path look
    like; it says nothing of other methods.
    """
    if len(rest) > LONGEST_REMEMBERED:
        return _resolve(provider, rest)
    return _remembered(provider, rest)


def naming(provider: Provider, path: str, model: str) -> str:
    """A native path with this model in place of the one that it names, if it names one."""
    found = resolve(provider, path)
    if found is None or not found.model:
        return path
    before, _, after = path.rpartition(found.model)
    return f"{before}{quote(model, safe='' if provider.encoded_slash else '/:')}{after}"


def kept_query(query: str) -> str:
    """The query of a native call without the caller's credentials, however they are spelled."""
    fields = query.split("&") if query else []
    return "&".join(f for f in fields if unquote(f.partition("=")[0]).lower() not in _STAYS)


@lru_cache(maxsize=2048)
def _remembered(provider: Provider, rest: str) -> NativePath | None:
    return _resolve(provider, rest)


def _resolve(provider: Provider, rest: str) -> NativePath | None:
    if not rest.startswith("/") or _UNSAFE.search(rest):
        return None
    found = _known_path(provider, rest)
    if found is None:
        placed = _unknown_path(provider, rest)
        found = _templates(provider).match(placed) or NativePath(provider.origin, placed, None)
    if _ENCODED_SLASH.search(rest) and not (found.entry and provider.encoded_slash):
        return None
    return found


def _known_path(provider: Provider, rest: str) -> NativePath | None:
    """Rules 1 to 6: the row has it."""
    known = _templates(provider)
    bare = _VERSION.sub("", rest, count=1) if _VERSION.match(rest) else rest
    found = known.match(rest) or known.match(provider.prefix + rest)
    if found:
        return found
    customary = provider.speaks.get(_CUSTOMARY_FORMAT.get(bare, ""))
    if customary and "{" not in customary.path:
        return NativePath(customary.origin, customary.path, customary)
    own = bare != rest and rest[1:].partition("/")[0] in provider.versions
    path = _FROM_VERSION.sub("", provider.prefix) + rest if own else rest
    found = known.match(path)
    if found:
        return found
    if provider.versions_alike and (own or bare == rest):  # it may come later, as in `/upload/v1`
        alike = known.other_version(path)
        if alike is not None:
            return alike
    if own:
        return NativePath(provider.origin, path, None)
    return known.match(provider.prefix + bare) or known.match(bare) or known.versionless(bare)


def _unknown_path(provider: Provider, rest: str) -> str:
    """Rules 7 to 10: the row does not have it, so only where it is put is decided."""
    prefix = provider.prefix
    first = prefix.split("/")[1] if prefix else ""
    if first and (rest == f"/{first}" or rest.startswith(f"/{first}/")):
        return rest
    parts = prefix.split("/")[1:]
    for start in range(len(parts)):
        tail = "/" + "/".join(parts[start:])
        if rest == tail or rest.startswith(tail + "/"):
            return prefix + rest[len(tail) :]
    if _VERSION.fullmatch(prefix) and _VERSION.match(rest):
        return rest  # a path has only one version segment
    return prefix + rest


class _Template(Struct, frozen=True):
    entry: Entry
    pattern: re.Pattern[str]

    def match(self, path: str) -> NativePath | None:
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values = found.groupdict()
        return NativePath(
            self.entry.origin, path, self.entry, values.get("model", ""), values.get("verb", "")
        )


class _Templates:
    """The paths that one row knows: K."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._literal: dict[str, Entry] = {}
        self._versionless: dict[str, Entry] = {}
        self._patterns: list[_Template] = []
        for entry in entries:
            if "{" in entry.path:
                self._patterns.append(_Template(entry, _pattern(entry.path)))
            else:
                self._literal.setdefault(entry.path, entry)
                self._versionless.setdefault(_VERSION.sub("", entry.path), entry)
        self._patterns.sort(key=lambda template: -_literal_length(template.entry.path))

    def match(self, path: str) -> NativePath | None:
        entry = self._literal.get(path)
        if entry is not None:
            return NativePath(entry.origin, path, entry)
        matches = (template.match(path) for template in self._patterns)
        return next((found for found in matches if found), None)

    def versionless(self, path: str) -> NativePath | None:
        """The path that differs from this one only by its version segments."""
        entry = self._versionless.get(path)
        return None if entry is None else NativePath(entry.origin, entry.path, entry)

    def other_version(self, path: str) -> NativePath | None:
        """The same thing in another version: the row's entry, at the path as asked for."""
        for version in {v for p in self._paths() for v in _VERSION.findall(p)}:
            found = self.match(_VERSION.sub(version, path, count=1))
            if found:
                return NativePath(found.origin, path, found.entry, found.model, found.verb)
        return None

    def _paths(self) -> Iterator[str]:
        yield from self._literal
        yield from (template.entry.path for template in self._patterns)


def _literal_length(template: str) -> int:
    """How much of a template is said literally; the shortest choice of a parameter counts."""
    shortest = (min((p[2] or "").split("|"), key=len) for p in _PARAMETER.finditer(template))
    return len(_PARAMETER.sub("", template)) + sum(map(len, shortest))


@lru_cache(maxsize=256)
def _templates(provider: Provider) -> _Templates:
    known = (*provider.speaks.values(), *provider.endpoints.values(), *provider.also)
    return _Templates(iter(known))


def _pattern(template: str) -> re.Pattern[str]:
    """A template as a regular expression.

    A parameter is one segment, unless the template goes on with `:`; a model name may then
    have several, and ends at the last colon.
    """
    expression, at = "", 0
    for parameter in _PARAMETER.finditer(template):
        name, choices = parameter[1], parameter[2]
        if choices:
            values = "|".join(map(re.escape, choices.split("|")))
        elif template[parameter.end() :].startswith(":"):
            values = ".+"
        else:
            values = "[^/:]+" if name == "verb" else "[^/]+"
        expression += re.escape(template[at : parameter.start()]) + f"(?P<{name}>{values})"
        at = parameter.end()
    return re.compile(expression + re.escape(template[at:]))
