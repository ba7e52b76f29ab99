"""What providers keep for our teams, and which paths reach it: files, batches, threads.

A provider knows one account, ours. Which team made what in it, only we know: so an id passes for
the team that it was given to, and for nobody else. To all others it does not exist.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from stockyard.core.ports import Held, HeldIds
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.providers.provider import Provider

FILES, BATCHES, MESSAGE_BATCHES = "files", "batches", "messages/batches"

OFFERS = {
    FILES: ("openai.files", "anthropic.files"),
    BATCHES: ("openai.batches",),
    MESSAGE_BATCHES: ("anthropic.batches",),
}
"""Collection -> the shapes in which it is served on unified paths."""

_METHODS = {
    (FILES, ""): ("GET", "POST"),
    (FILES, "{id}"): ("GET", "DELETE"),
    (FILES, "{id}/content"): ("GET",),
    (BATCHES, ""): ("GET", "POST"),
    (BATCHES, "{id}"): ("GET",),
    (BATCHES, "{id}/cancel"): ("POST",),
    (MESSAGE_BATCHES, ""): ("GET", "POST"),
    (MESSAGE_BATCHES, "{id}"): ("GET", "DELETE"),
    (MESSAGE_BATCHES, "{id}/cancel"): ("POST",),
    (MESSAGE_BATCHES, "{id}/results"): ("GET",),
}
"""What may be done on unified paths."""

_UNIFIED = re.compile(r"(?:/v1)?/(files|batches|messages/batches)(?:/([A-Za-z0-9_.-]+)(/[a-z]+)?)?")
_NATIVE = re.compile(
    r"/(messages/batches|batch/jobs|files|batches|threads|conversations|vector_stores|uploads)"
    r"(?:/([^/]+)(/.*)?)?"
)
_CREATES_TOO = {("threads", "runs"): ("thread_id",)}
"""Paths that look like an id and are none -> where their answers name what they made."""
_MADE_ALONG = {
    "batches": ("output_file_id", "error_file_id"),
    "batch/jobs": ("output_file", "error_file"),
}
"""Collection -> fields of its objects that name files which the provider made for it."""
_NAMING = frozenset(
    (  # noqa: SIM905  a list of words reads better as one
        "file_id file_ids input_file_id input_files training_file validation_file training_files"
        " vector_store_id vector_store_ids thread_id conversation"
    ).split()
)
"""Fields of bodies whose values are ids of things that a provider keeps."""
_MAY_NAME = re.compile(
    b"|".join([b'"%b"' % name.encode() for name in sorted(_NAMING)]) + rb"|\\u00[2-7]"
)
"""Whether one of them may be in a body: as it is, or with letters that are escaped. Most large
bodies need not be read any further."""
_JSON_STARTS = (b"{", b" ", b"\n", b"\r", b"\t")
_RESULTS = re.compile(rb'("results_url"\s*:\s*")https?:\\?/\\?/[^"/\\]+')
"""Where a provider says in its own name that results are. Clients go there with our Key."""
UNSEEN = frozenset({"gemini.files"})
"""Shapes of files whose uploads go to an address that the provider gives the caller, so that we
never see what came of them. Their ids are not judged."""

_ADMIN = re.compile(
    r"/(?:organizations?|admin|admin_api_keys|api[-_]keys|keys|dashboard|billing|invites"
    r"|service_accounts|realtime/(?:client_secrets|sessions|transcription_sessions))(?:/.*)?"
)
"""Below a version: paths that manage an account, or give out secrets that would lead past us."""
_VERSION = re.compile(r"(?:/api)?/v[0-9]+(?:alpha|beta)?[0-9]*(?=/)")


class Reach(Struct, frozen=True):
    """What a path reaches of what a provider keeps."""

    collection: str
    id: str = ""
    """Empty for the collection itself."""
    below: str = ""
    """What of the thing, as `/content`."""
    names: tuple[str, ...] = ("id", "batch_id")
    """The fields of an answer that may name what was made."""


def unified(path: str) -> tuple[Reach, tuple[str, ...]] | None:
    """What a unified path reaches, and by which methods; None for any other path."""
    found = _UNIFIED.fullmatch(path)
    if found is None:
        return None
    collection, thing, below = found[1], found[2] or "", found[3] or ""
    methods = _METHODS.get((collection, "{id}" + below if thing else ""))
    return None if methods is None else (Reach(collection, thing, below), methods)


def native(path: str, provider: Provider) -> Reach | None:
    """What a path at a provider reaches."""
    found = _NATIVE.fullmatch(_bare(path, provider.prefix))
    files = provider.endpoints.get(FILES)
    if found is None or (files is not None and files.format in UNSEEN):
        return None
    collection, thing, below = found[1], found[2] or "", found[3] or ""
    names = _CREATES_TOO.get((collection, thing))
    if names is not None:
        return Reach(collection, names=names)
    return Reach(collection, thing, below)


def administers(path: str, provider: Provider) -> bool:
    """Whether a path at a provider is about the account, and not about models."""
    return _ADMIN.fullmatch(_bare(path, provider.prefix)) is not None


def _bare(path: str, prefix: str) -> str:
    """A path without the base URL's own, and without a version."""
    path = unquote(path)  # as its provider reads it
    if prefix and path.startswith(prefix + "/"):
        return path[len(prefix) :]
    return _VERSION.sub("", path, count=1)


class Holdings:
    """What one team has at one provider, under one Credential."""

    def __init__(
        self, ids: HeldIds, team_id: str, provider: str, credential: Credential | None
    ) -> None:
        self._ids = ids
        self._team_id = team_id
        self._held = Held(provider, credential.id if credential is not None else "")

    def has(self, thing: str) -> bool:
        held = self._ids.find(self._team_id, thing)
        return held is not None and held.provider == self._held.provider

    def learn(self, reach: Reach, method: str, answer: bytes) -> None:
        """Remember what an answer names that was made for this team."""
        told = _object(answer)
        # Only what was just made: an object may stand below another one that the caller has, and
        # be named by the caller itself.
        if method == "POST" and not reach.id:
            for name in reach.names:
                self._hold(told.get(name))
        for name in _MADE_ALONG.get(reach.collection, ()):
            self._hold(told.get(name))
        if reach.collection == "uploads":
            made = told.get("file")
            self._hold(made.get("id") if isinstance(made, dict) else None)

    def _hold(self, thing: object) -> None:
        if isinstance(thing, str) and thing:
            self._ids.hold(self._team_id, thing, self._held)


def with_results_here(answer: bytes) -> bytes:
    """An answer whose links to results lead here: paths, which a client reads below its base."""
    return _RESULTS.sub(rb"\1", answer)


def no_such(thing: str) -> Refused:
    """The same for what another team has, and for what is not there at all."""
    return Refused(404, "not_found", f"There is nothing with the id '{thing[:128]}'.", param="id")


def named_in(body: bytes) -> Iterator[str]:
    """The ids that a body names where a provider would read what they stand for."""
    if not body.startswith(_JSON_STARTS) or _MAY_NAME.search(body) is None:
        return
    waiting: list[Any] = [_object(body)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            for name, inner in value.items():
                if name in _NAMING:
                    several = inner if isinstance(inner, list) else [inner]
                    yield from (thing for thing in several if isinstance(thing, str))
                waiting.append(inner)


def _object(data: bytes) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        found = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
