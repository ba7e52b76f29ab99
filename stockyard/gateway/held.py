"""Things that providers store for our teams (files, batches, threads), and the paths to them.

A provider knows one account, ours. Which team created what in it, only we know: so an id is valid
for the team that got it, and does not exist for anybody else.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from stockyard.core.ports import Held, HeldIds
from stockyard.core.target import Credential, Target
from stockyard.errors import Refused
from stockyard.gateway.json_path import values_at
from stockyard.gateway.named import COLLECTIONS, SKILLS, Naming, resource
from stockyard.providers.directory import Directory
from stockyard.providers.provider import Provider
from stockyard.wire.resource_names import last_two

FILES, BATCHES, MESSAGE_BATCHES = "files", "batches", "messages/batches"
CHATS, INTERACTIONS, THREADS = "chat/completions", "interactions", "threads"

RESOURCEFUL = "gemini"
"""Providers of this format name what they store by collection and id, as `files/abc`."""
CLOUD = "google"
"""So does the cloud with this kind of authorization, whatever format is spoken to it."""
OFFERS = {
    FILES: ("openai.files", "anthropic.files"),
    BATCHES: ("openai.batches",),
    MESSAGE_BATCHES: ("anthropic.batches",),
}
"""Collection -> the formats in which it is served on unified paths."""
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
"""Collection and rest of the path -> methods that unified paths take."""

_UNIFIED = re.compile(r"(?:/v1)?/(files|batches|messages/batches)(?:/([A-Za-z0-9_.-]+)(/[a-z]+)?)?")
_NATIVE = re.compile(
    r"/(messages/batches|batch/jobs|files|batches|threads|conversations|vector_stores|uploads"
    r"|datasets|embed-jobs|containers|chat/completions)(?:/(?:([^/:]+)([/:].*)?)?)?",
    re.IGNORECASE,
)
"""As lenient as the most lenient provider: Azure ignores case and a slash at the end."""
_RESOURCE_PATH = re.compile(
    r"(?:/upload|/download)?(?:/openai|/projects/[^/]+/locations/[^/]+|/models/[^/:]+)?"
    rf"/({COLLECTIONS})(?:/(?:\1/)?([^/:]+)([/:].*)?)?"
)
"""Paths that name things by collection and id."""
_INTERACTION_PATH = re.compile(
    r"(?:/projects/[^/]+/locations/[^/]+)?/interactions(?:/([^/:]+)([/:].*)?)?"
)
"""Paths that name things by their id alone."""
_MAKING = re.compile(
    r"/models/[^/]+:(?:batchGenerateContent|asyncBatchEmbedContent|predictLongRunning)"
)
"""Calls of models that are answered with the name of an operation, which will hold the answer."""
_MADE_WITH_RUN = ("thread_id",)
_CREATES_TOO = {(THREADS, "runs"): _MADE_WITH_RUN}
"""Paths whose last word looks like an id but is not -> fields of the answer that name what was
created."""
_OTHERWISE = {
    "batches": ("id", "batch_id", "batch.id"),
    "conversations": ("id", "conversation_id"),
    "embed-jobs": ("job_id",),
}
"""Collection -> fields that may hold the id of an object, where that is not `id` alone."""
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
    "tuningJobs": ("tunedModel.model", "tunedModel.endpoint", "tunedModel.checkpoints.*.endpoint"),
    "uploads": ("file.id",),
}
"""Collection -> fields of its objects that name the files and models created for them."""
_ANNOUNCED = "files/"
"""Prefix of the names of files that may be uploaded to the provider directly, past us."""
_RESULTS = re.compile(rb'("results_url"\s*:\s*")https?:\\?/\\?/[^"/\\]+')
"""A link to results at the provider's own address. Clients would follow it with our Key."""
BATCHED = frozenset({BATCHES, MESSAGE_BATCHES, "batch/jobs"})
"""Collections whose usage is counted once they are finished."""
_RESULTS_AT = frozenset({(FILES, "/content"), (FILES, ":download"), (MESSAGE_BATCHES, "/results")})
"""Collection and rest of the path where the results of batches may be read."""

_VERSION = re.compile(
    r"/(?:api|openai)(?:/v[0-9]+(?:alpha|beta)?[0-9]*)?(?=/)|/v[0-9]+(?:alpha|beta)?[0-9]*(?=/)",
    re.IGNORECASE,
)
_VERSION_AT_END = re.compile(r"/v[0-9]+(?:alpha|beta)?[0-9]*\Z")


class HeldPath(Struct, frozen=True):
    """A path to something that a provider stores, taken apart."""

    collection: str
    id: str = ""
    """Empty for the collection itself."""
    below: str = ""
    """The rest of the path, such as `/content`."""
    names: tuple[str, ...] = ("id",)
    """Fields of an answer in which the id of a new thing may stand."""
    verbatim: bool = False
    """Queries for its lists are forwarded as they are: this provider has other parameters than
    most."""

    @property
    def results(self) -> bool:
        """Whether an answer may hold the results of a batch."""
        return (self.collection, self.below) in _RESULTS_AT

    @property
    def runs(self) -> bool:
        """Whether it is about runs of assistants."""
        return self.collection == THREADS and (
            self.names == _MADE_WITH_RUN or f"{self.below}/".startswith("/runs/")
        )

    def makes_run(self, method: str) -> bool:
        """Whether a call creates a run."""
        return self.runs and method == "POST" and (not self.id or self.below.rstrip("/") == "/runs")

    def teaches(self, method: str) -> bool:
        """Whether an answer may name something new, which then belongs to the team."""
        return self.collection in _MADE_ALONG or (method == "POST" and not self.id)


def unified(path: str) -> tuple[HeldPath, tuple[str, ...]] | None:
    """A unified path taken apart, and the methods that it takes; None for any other path."""
    found = _UNIFIED.fullmatch(path)
    if found is None:
        return None
    collection, thing, below = found[1], found[2] or "", found[3] or ""
    methods = _METHODS.get((collection, "{id}" + below if thing else ""))
    return None if methods is None else (HeldPath(collection, thing, below), methods)


def native(path: str, method: str, provider: Provider) -> HeldPath | None:
    """A path at a provider taken apart; None if it leads to nothing that is stored."""
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
        return HeldPath(collection, names=names)
    shapes = (provider.endpoints[name].format for name in _KEPT if name in provider.endpoints)
    known = all(shape in _SHAPES for shape in shapes)
    return HeldPath(collection, thing, below, _OTHERWISE.get(collection, ("id",)), not known)


def _resourceful(asked: str) -> HeldPath | None:
    if _MAKING.fullmatch(asked) is not None:
        collection = "operations" if asked.endswith("LongRunning") else "batches"
        return HeldPath(collection, names=_RESOURCE_NAMES, verbatim=True)
    found = _INTERACTION_PATH.fullmatch(asked)
    if found is not None:
        return HeldPath(INTERACTIONS, found[1] or "", found[2] or "", verbatim=True)
    found = _RESOURCE_PATH.fullmatch(asked)
    if found is None:
        return None
    thing = f"{found[1]}/{found[2]}" if found[2] else ""
    return HeldPath(found[1], thing, found[3] or "", _RESOURCE_NAMES, verbatim=True)


def bare(path: str, prefix: str) -> str:
    """A path without the prefix of the base URL (of any version) and without a version."""
    path = unquote(path)  # as its provider reads it
    for start in (prefix, _VERSION_AT_END.sub("", prefix)):
        if start and path.lower().startswith(f"{start.lower()}/"):
            path = path[len(start) :]
            break
    return _VERSION.sub("", path, count=1)


class Learnt(NamedTuple):
    """The ids that an answer named."""

    made: list[str]
    """Things that the call created."""
    along: list[str]
    """Files that the provider created for something that existed before."""


class Holdings:
    """The things that one team has at one provider, under one Credential."""

    def __init__(
        self, ids: HeldIds, team_id: str, provider: str, credential: Credential | None
    ) -> None:
        self._ids = ids
        self._team_id = team_id
        self._held = Held(provider, credential.id if credential is not None else "")

    def has(self, thing: str) -> bool:
        """Whether a thing in a list belongs to the team."""
        held = self._ids.find(self._team_id, thing)
        return held is not None and held.provider == self._held.provider

    def gets(self, thing: str) -> bool:
        """Whether a thing that the caller names belongs to the team. An announced upload is claimed
        by this."""
        held = held_by(self._ids, self._team_id, thing)
        return held is not None and held.provider == self._held.provider

    def announce(self, thing: str) -> None:
        """The team begins an upload. `thing` is the name its caller chose; empty for none."""
        self._ids.announce(self._team_id, self._held)
        if thing:
            held_by(self._ids, self._team_id, resource(thing) or thing)

    def learn(self, path: HeldPath, method: str, answer: bytes) -> Learnt:
        """Remember the new things that an answer names as the team's."""
        said = _object(answer)
        # Only what was just created: the id of a sub-object may have been chosen by the caller.
        names = path.names if method == "POST" and not path.id else ()
        made = [self.hold(thing) for place in names for thing in values_at(said, place)]
        along = [
            self.hold(thing)
            for place in _MADE_ALONG.get(path.collection, ())
            for thing in values_at(said, place)
        ]
        return Learnt([thing for thing in made if thing], [thing for thing in along if thing])

    def hold(self, thing: object) -> str:
        """Remember a thing as the team's. Returns its id; empty for what is not one."""
        if not isinstance(thing, str) or not thing:
            return ""
        known = resource(thing) or last_two(thing)
        self._keep(known)
        return known

    def _keep(self, thing: str) -> None:
        self._ids.hold(self._team_id, thing, self._held)


class OwnHoldings(Holdings):
    """The same for a caller with its own provider secret: nothing is remembered, because who owns
    what is then between the caller and the provider."""

    def _keep(self, thing: str) -> None:
        return


def held_by(ids: HeldIds, team_id: str, thing: str) -> Held | None:
    """The provider that stores what a caller names; None when it is not the team's."""
    found = ids.find(team_id, thing)
    if found is None and thing.startswith(_ANNOUNCED):
        found = ids.claim(team_id, thing)
    return found


def check_shared(
    ids: HeldIds, team_id: str, body: bytes, naming: Naming = SKILLS, kind: bytes = b""
) -> None:
    """Raises Refused (404) when a body names something that another team created."""
    check_not_others(ids, team_id, naming.named_in(body, kind))


def check_not_others(ids: HeldIds, team_id: str, named: Iterable[str]) -> None:
    """Raises Refused (404) for a name of something that another team created."""
    for thing in named:
        if ids.is_others(team_id, last_two(thing)):
            raise no_such(thing)


def holder_of(ids: HeldIds, team_id: str, named: Sequence[str], native: str | None) -> Held | None:
    """The one provider that stores everything a body names; None when it names nothing.

    Raises Refused: 404 for what is not the team's or not at the provider that the path requires,
    400 when the things are stored by different providers.
    """
    holder: Held | None = None
    for thing in named:
        held = held_by(ids, team_id, thing)
        if held is None or native not in (None, held.provider):
            raise no_such(thing)
        if holder is not None and holder.provider != held.provider:
            message = f"'{thing[:128]}' is kept by another provider than '{named[0][:128]}'."
            raise Refused(400, "invalid_request", message)
        holder = holder or held
    return holder


def credential_of(directory: Directory, held: Held) -> Credential | None:
    """The Credential under which something was created. Raises Refused (404) when it is gone."""
    known = directory.credentials(held.provider)
    found = next((one for one in known if one.id == held.credential_id), None)
    if found is None and held.credential_id:
        message = "The secret with which this was made is no longer configured."
        raise Refused(404, "not_found", message)
    return found


def serves(directory: Directory, held: Held, model: str) -> bool:
    """Whether the provider that must answer serves the model, as far as we know."""
    targets: tuple[Target, ...] = directory.targets(model, "chat")
    return not targets or any(
        (target.provider, target.credential_id) == (held.provider, held.credential_id)
        for target in targets
    )


def place_of(provider: Provider, collection_path: str, thing: str) -> str:
    """The path to a thing on its provider's native route."""
    named_by_collection = "/" in thing
    above = provider.prefix if named_by_collection else collection_path.rstrip("/")
    return f"/{provider.name}{above}/{thing}"


def content_of(provider: Provider, file: str) -> str:
    """The path to the content of a file on its provider's native route; empty if it has none."""
    if FILES not in provider.endpoints:
        return ""
    if "/" in file:
        return f"/{provider.name}{provider.prefix}/{file}:download?alt=media"
    return f"/{provider.name}/{FILES}/{file}/content"


def with_results_here(answer: bytes) -> bytes:
    """An answer with links to results that lead here: as paths, which clients resolve against their
    base URL."""
    return _RESULTS.sub(rb"\1", answer)


def no_such(thing: str) -> Refused:
    """One answer for what another team has and for what does not exist, so that nobody can probe
    for the ids of others."""
    return Refused(404, "not_found", f"There is nothing with the id '{thing[:128]}'.", param="id")


def _object(data: bytes) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        found = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
