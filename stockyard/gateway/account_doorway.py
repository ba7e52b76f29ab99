"""A Doorway to native paths without a codec, which lead to things in an account that teams share.

Such things are assistants, voices, fine-tuned models, videos. For a team, what another team created
through us does not exist. What nobody created through us belongs to the account, and every team may
read and use it. Only the team that created a thing may change or delete it
(`docs/decisions/0011`).
"""

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from urllib.parse import parse_qsl, unquote

from stockyard.core.exchange import Exchange
from stockyard.core.ports import Held
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway.contract import Reply, Running
from stockyard.gateway.doorway import Doorway, SteeredDoorway
from stockyard.gateway.held import check_shared, credential_of, holder_of, no_such
from stockyard.gateway.hiding_reply import HidingReply
from stockyard.gateway.late_calls import LateCalls
from stockyard.gateway.named import ANY, SHARED
from stockyard.gateway.noticing import MADE, MADE_LATER, Noticing, hold_for
from stockyard.gateway.steering import Steering
from stockyard.wire.resource_names import last_two
from stockyard.wire.thing_usage import ThingUsage
from stockyard.wire.upload import UploadCodec

MOST_WORDS = 64
"""Limit for the words of a path and a query that may be ids, each of which is looked up."""
_READING = frozenset({"GET", "HEAD"})
_THINGS = (
    "assistants|agents|automations|characters|connectors|deployments|dreams|environments|evals"
    "|libraries|memory_stores|sessions|skills|user_profiles|vaults|voices"
)
_CHANGES = re.compile(
    rf".*/(?:{_THINGS})/[^/]*[0-9_][^/]*"  # no word, as in `agents/sessions` or `voices/add`
    r"|.*[/:](?:archive|cancel|delete|edit|hangup|pause|redact|resume|rotate_[a-z]+|stop"
    r"|undeploy|unpause|update|deploy|unload|load)",
    re.IGNORECASE,
)
"""Paths on which a POST changes an existing thing instead of creating one."""


class AccountDoorway(Doorway):
    __slots__ = ("__dict__",)

    def start(self, reply: Reply, body: bytes) -> Running | None:
        reception, team = self._reception, self.caller.team_id
        ids = reception.keepers.ids
        steering = Steering()
        try:
            thing, owned = self._owned()
            kind = self._head.field(b"content-type") or b""
            UploadCodec().reading(kind).check(body)
            check_shared(ids, team, body, SHARED, kind)
            named = holder_of(ids, team, ANY.named_in(body, kind), self._endpoint.native)
            steering.held = owned or named
            directory = reception.directory()
            credential = credential_of(directory, steering.held) if steering.held else None
        except Refused as refusal:
            self._turn_away(reply, refusal)
            return None
        if self._head.method in _READING:
            reply = HidingReply(reply, lambda one: ids.is_others(team, one))
            late = self._late(credential)
            watching = late.watching(reply, thing, "passthrough", ThingUsage()) if thing else None
            if watching is not None:
                steering.watching.append(watching)
                reply = watching
        else:
            reply = made = Noticing(reply, MADE, self._hold_new(body, self._late(credential)))
            steering.watching.append(made)
        if owned is not None:
            reply = later = Noticing(reply, MADE_LATER, self._hold_new(body))
            steering.watching.append(later)
        onto = self._visit.under(credential)
        return SteeredDoorway(reception, onto, steering).start(reply, body)

    def _owned(self) -> tuple[str, Held | None]:
        """The team's thing that the path names, and where it is stored; None if it names none.
        Raises Refused: 404 for what another team created, 403 for a change of what is not the
        team's."""
        ids, team = self._reception.keepers.ids, self.caller.team_id
        thing, found = "", None
        for word in self._words:
            if ids.is_others(team, word):
                raise no_such(word)
            held = ids.find(team, word)
            if held is not None and held.provider == self._endpoint.native:
                thing, found = thing or word, found or held
        if found is None and self._changes:
            message = (
                "What was not made by your team through the gateway is not changed or deleted "
                "through it. Do so at the provider, or send its own secret."
            )
            raise Refused(403, "path_not_allowed", message)
        return thing, found

    @cached_property
    def _words(self) -> list[str]:
        words = list(dict.fromkeys(self._said()))
        if len(words) > MOST_WORDS:
            raise no_such(self._endpoint.native_path)
        return words

    def _said(self) -> Iterator[str]:
        segments = list(filter(None, unquote(self._endpoint.native_path).split("/")))
        yield from segments
        for collection, thing in pairwise(segments):
            yield f"{collection}/{thing.partition(':')[0]}"
        yield from (value for _, value in parse_qsl(self._head.query))

    @property
    def _changes(self) -> bool:
        method = self._head.method
        if method == "POST":
            path = unquote(self._endpoint.native_path).rstrip("/")
            return _CHANGES.fullmatch(path) is not None
        return method not in _READING

    def _hold_new(self, body: bytes, late: LateCalls | None = None) -> "HoldsNew":
        return HoldsNew(self, body, late)

    def _late(self, credential: Credential | None) -> LateCalls:
        team, provider = self.caller.team_id, self._endpoint.native or ""
        if credential is None:
            credential = next(iter(self._reception.directory().credentials(provider)), None)
        return self._reception.late(team, provider, credential)


class HoldsNew:
    """Remembers an id in an answer as the team's, unless the request named it: otherwise a caller
    could claim anything by naming it."""

    def __init__(self, way: AccountDoorway, body: bytes, late: LateCalls | None) -> None:
        """`late` waits for the usage of what is created, unless the answer reports it already."""
        self._ids = way._reception.keepers.ids
        self._team = way.caller.team_id
        self._said = way._words
        self._body = body
        self._late = late

    def __call__(self, x: Exchange, thing: str) -> None:
        thing = last_two(thing)
        known = thing in self._said or self._body.find(thing.encode()) >= 0
        if not known and not self._ids.is_others(self._team, thing):
            hold_for(self._ids, self._team)(x, thing)
            if self._late is not None and (x.usage is None or not x.usage.total):
                self._late.began(thing)
