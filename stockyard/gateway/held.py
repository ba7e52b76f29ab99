"""What providers keep for our teams, and which paths reach it: files, batches, threads.

A provider knows one account, ours. Which team made what in it, only we know: so an id passes for
the team that it was given to, and for nobody else. To all others it does not exist.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from stockyard.core.ports import Held, HeldIds
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway.named import COLLECTIONS, SKILLS, Naming, resource
from stockyard.gateway.places import at
from stockyard.providers.directory import Directory
from stockyard.providers.provider import Provider

FILES, BATCHES, MESSAGE_BATCHES = "files", "batches", "messages/batches"
CHATS, INTERACTIONS, THREADS = "chat/completions", "interactions", "threads"

RESOURCEFUL = "gemini"
"""Providers of this format name what they keep by collection and id, as `files/abc`."""
CLOUD = "google"
"""So does the cloud whose accounts show themselves in this way, whatever is spoken there."""
OFFERS = {
    FILES: ("openai.files", "anthropic.files"),
    BATCHES: ("openai.batches",),
    MESSAGE_BATCHES: ("anthropic.batches",),
}
"""Collection -> the shapes in which it is served on unified paths."""
_KEPT = (FILES, BATCHES)
_SHAPES = frozenset(shape for shapes in OFFERS.values() for shape in shapes)

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
    r"/(messages/batches|batch/jobs|files|batches|threads|conversations|vector_stores|uploads"
    r"|datasets|embed-jobs|containers|chat/completions)(?:/(?:([^/:]+)([/:].*)?)?)?",
    re.IGNORECASE,
)
"""As the most lenient provider reads a path: Azure's know neither case nor a slash at the end."""
_RESOURCE_PATH = re.compile(
    r"(?:/upload|/download)?(?:/openai|/projects/[^/]+/locations/[^/]+|/models/[^/:]+)?"
    rf"/({COLLECTIONS})(?:/(?:\1/)?([^/:]+)([/:].*)?)?"
)
"""Where things are named by their collection and their id."""
_INTERACTION_PATH = re.compile(
    r"(?:/projects/[^/]+/locations/[^/]+)?/interactions(?:/([^/:]+)([/:].*)?)?"
)
"""Where they are named by their id alone."""
_MAKING = re.compile(
    r"/models/[^/]+:(?:batchGenerateContent|asyncBatchEmbedContent|predictLongRunning)"
)
"""Calls of models that are answered with the name of what will have the answer."""
_MADE_WITH_RUN = ("thread_id",)
_CREATES_TOO = {(THREADS, "runs"): _MADE_WITH_RUN}
"""Paths that look like an id but are not -> where their answers name what they made."""
_OTHERWISE = {
    "batches": ("id", "batch_id", "batch.id"),
    "conversations": ("id", "conversation_id"),
    "embed-jobs": ("job_id",),
}
"""Collections whose objects may have other names for their ids."""
_RESOURCE_NAMES = ("name", "file.name", "id", "metadata.tunedModel")
_MADE_ALONG = {
    "batches": (
        *("output_file_id", "error_file_id", "batch.output_dataset_id"),
        *("response.responsesFile", "metadata.output.responsesFile"),
    ),
    "batch/jobs": ("output_file", "error_file"),
    "embed-jobs": ("output_dataset_id",),
    "messages/batches": (),
    "operations": ("response.generateVideoResponse.generatedSamples.*.video.uri",),
    "uploads": ("file.id",),
}
"""Collection -> where its objects name files which the provider made for it."""
_ANNOUNCED = "files/"
"""How the names of things begin that may be uploaded past us."""
_RESULTS = re.compile(rb'("results_url"\s*:\s*")https?:\\?/\\?/[^"/\\]+')
"""Where a provider says that results are, by its own address. Clients go there with our Key."""
BATCHED = frozenset({BATCHES, MESSAGE_BATCHES, "batch/jobs"})
"""Collections of what is counted once it is over."""
_RESULTS_AT = frozenset({(FILES, "/content"), (FILES, ":download"), (MESSAGE_BATCHES, "/results")})
"""Where the results of batches may be read."""

_VERSION = re.compile(
    r"/(?:api|openai)(?:/v[0-9]+(?:alpha|beta)?[0-9]*)?(?=/)|/v[0-9]+(?:alpha|beta)?[0-9]*(?=/)",
    re.IGNORECASE,
)
_VERSION_AT_END = re.compile(r"/v[0-9]+(?:alpha|beta)?[0-9]*\Z")


class Reach(Struct, frozen=True):
    """What a path reaches of what a provider keeps."""

    collection: str
    id: str = ""
    """Empty for the collection itself."""
    below: str = ""
    """What of the thing, as `/content`."""
    names: tuple[str, ...] = ("id",)
    """Where an answer may name what was made."""
    verbatim: bool = False
    """Its lists are asked for in the caller's own words, which differ from those of most."""

    @property
    def results(self) -> bool:
        """Whether these may be the results of a batch."""
        return (self.collection, self.below) in _RESULTS_AT

    @property
    def runs(self) -> bool:
        """Whether these are runs of assistants."""
        return self.collection == THREADS and (
            self.names == _MADE_WITH_RUN or f"{self.below}/".startswith("/runs/")
        )

    def makes_run(self, method: str) -> bool:
        """Whether an answer tells of a run that was not there before."""
        return self.runs and method == "POST" and (not self.id or self.below.rstrip("/") == "/runs")

    def teaches(self, method: str) -> bool:
        """Whether an answer may name something that the team did not have before."""
        return self.collection in _MADE_ALONG or (method == "POST" and not self.id)


def unified(path: str) -> tuple[Reach, tuple[str, ...]] | None:
    """What a unified path reaches, and by which methods; None for any other path."""
    found = _UNIFIED.fullmatch(path)
    if found is None:
        return None
    collection, thing, below = found[1], found[2] or "", found[3] or ""
    methods = _METHODS.get((collection, "{id}" + below if thing else ""))
    return None if methods is None else (Reach(collection, thing, below), methods)


def native(path: str, method: str, provider: Provider) -> Reach | None:
    """What a path at a provider reaches."""
    asked = bare(path, provider.prefix)
    if RESOURCEFUL in provider.speaks or CLOUD in provider.auth:
        return _resourceful(asked.rstrip("/"))
    found = _NATIVE.fullmatch(asked)
    if found is None:
        return None
    collection, thing, below = found[1].lower(), found[2] or "", (found[3] or "").lower()
    if collection == CHATS and method == "POST" and not thing:
        return None  # the call itself
    names = _CREATES_TOO.get((collection, thing.lower()))
    if names is not None:
        return Reach(collection, names=names)
    shapes = (provider.endpoints[name].format for name in _KEPT if name in provider.endpoints)
    known = all(shape in _SHAPES for shape in shapes)
    return Reach(collection, thing, below, _OTHERWISE.get(collection, ("id",)), not known)


def _resourceful(asked: str) -> Reach | None:
    if _MAKING.fullmatch(asked) is not None:
        collection = "operations" if asked.endswith("LongRunning") else "batches"
        return Reach(collection, names=_RESOURCE_NAMES, verbatim=True)
    found = _INTERACTION_PATH.fullmatch(asked)
    if found is not None:
        return Reach(INTERACTIONS, found[1] or "", found[2] or "", verbatim=True)
    found = _RESOURCE_PATH.fullmatch(asked)
    if found is None:
        return None
    thing = f"{found[1]}/{found[2]}" if found[2] else ""
    return Reach(found[1], thing, found[3] or "", _RESOURCE_NAMES, verbatim=True)


def bare(path: str, prefix: str) -> str:
    """A path without the base URL's own, be it of another version, and without a version."""
    path = unquote(path)  # as its provider reads it
    for start in (prefix, _VERSION_AT_END.sub("", prefix)):
        if start and path.lower().startswith(f"{start.lower()}/"):
            path = path[len(start) :]
            break
    return _VERSION.sub("", path, count=1)


class Learnt(NamedTuple):
    """What an answer named."""

    made: list[str]
    along: list[str]
    """What the provider made for something that was there already."""


class Holdings:
    """What one team has at one provider, under one Credential."""

    def __init__(
        self, ids: HeldIds, team_id: str, provider: str, credential: Credential | None
    ) -> None:
        self._ids = ids
        self._team_id = team_id
        self._held = Held(provider, credential.id if credential is not None else "")

    def has(self, thing: str) -> bool:
        """Whether it is the team's, of what lists tell."""
        held = self._ids.find(self._team_id, thing)
        return held is not None and held.provider == self._held.provider

    def gets(self, thing: str) -> bool:
        """The same of what a caller names."""
        held = held_by(self._ids, self._team_id, thing)
        return held is not None and held.provider == self._held.provider

    def announce(self, thing: str) -> None:
        """The team begins an upload; `thing` is how its caller calls it, if it does."""
        self._ids.announce(self._team_id, self._held)
        if thing:
            held_by(self._ids, self._team_id, resource(thing) or thing)

    def learn(self, reach: Reach, method: str, answer: bytes) -> Learnt:
        """Remember what an answer names that was made for this team."""
        told = _object(answer)
        # Only what was just made: an object may stand below another one that the caller has, and
        # be named by the caller itself.
        names = reach.names if method == "POST" and not reach.id else ()
        made = [self.hold(thing) for place in names for thing in at(told, place)]
        along = [
            self.hold(thing)
            for place in _MADE_ALONG.get(reach.collection, ())
            for thing in at(told, place)
        ]
        return Learnt([thing for thing in made if thing], [thing for thing in along if thing])

    def hold(self, thing: object) -> str:
        """Make it the team's. Returns the id under which it is kept; empty for what is no id."""
        if not isinstance(thing, str) or not thing:
            return ""
        known = resource(thing) or thing
        self._keep(known)
        return known

    def _keep(self, thing: str) -> None:
        self._ids.hold(self._team_id, thing, self._held)


class OwnHoldings(Holdings):
    """The same of a caller with a secret of its own: who has what is the provider's business."""

    def _keep(self, thing: str) -> None:
        return


def held_by(ids: HeldIds, team_id: str, thing: str) -> Held | None:
    """Who keeps what a caller names; None when it is not the team's."""
    found = ids.find(team_id, thing)
    if found is None and thing.startswith(_ANNOUNCED):
        found = ids.claim(team_id, thing)
    return found


def check_shared(
    ids: HeldIds, team_id: str, body: bytes, naming: Naming = SKILLS, kind: bytes = b""
) -> None:
    """Raises Refused (404) when a body wants something used that another team has made."""
    for thing in naming.named_in(body, kind):
        if ids.is_others(team_id, thing):
            raise no_such(thing)


def keeper_of(ids: HeldIds, team_id: str, named: Sequence[str], native: str | None) -> Held | None:
    """Who keeps everything that a body names; None when it names nothing. Raises Refused: 404 for
    what is not the team's, or not where the call must go."""
    keeper: Held | None = None
    for thing in named:
        held = held_by(ids, team_id, thing)
        if held is None or native not in (None, held.provider):
            raise no_such(thing)
        if keeper is not None and keeper.provider != held.provider:
            message = f"'{thing[:128]}' is kept by another provider than '{named[0][:128]}'."
            raise Refused(400, "invalid_request", message)
        keeper = keeper or held
    return keeper


def credential_of(directory: Directory, held: Held) -> Credential | None:
    """The one that opens what is held. Raises Refused (404) when it is gone."""
    known = directory.credentials(held.provider)
    found = next((one for one in known if one.id == held.credential_id), None)
    if found is None and held.credential_id:
        message = "The secret with which this was made is no longer configured."
        raise Refused(404, "not_found", message)
    return found


def with_results_here(answer: bytes) -> bytes:
    """An answer whose links to results lead here: paths, which a client reads below its base."""
    return _RESULTS.sub(rb"\1", answer)


def no_such(thing: str) -> Refused:
    """The same for what another team has, and for what is not there at all."""
    return Refused(404, "not_found", f"There is nothing with the id '{thing[:128]}'.", param="id")


def _object(data: bytes) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        found = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
