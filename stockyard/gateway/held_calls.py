"""Calls about what providers keep: sent to the one that has it, for the team that owns it.

An id leads to the provider, and to the Credential, that gave it. What has no id yet goes where the
caller says, else where the model that stands first in it is served, else to the only provider that
takes such things. Answers pass as they come, with two exceptions: what is new in one is remembered
for the team, and a list only shows what the team has (`own_list.py`).
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from stockyard.core.exchange import Asked, Caller, Exchange
from stockyard.core.kind import Kind
from stockyard.core.ports import HeldIds
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway import assistant_runs, batch_lines, held
from stockyard.gateway.announced import announces
from stockyard.gateway.announced import named_in as announced_in
from stockyard.gateway.contract import Opening, Reply, Running, Whole
from stockyard.gateway.declined import Declining
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.first_model import first_model
from stockyard.gateway.held import Holdings, Reach
from stockyard.gateway.http import Head
from stockyard.gateway.late_calls import LateCalls
from stockyard.gateway.listing import dialect_of
from stockyard.gateway.named import ANY, CONVERSATIONS, INTERACTIONS
from stockyard.gateway.narrow_reply import Narrowing
from stockyard.gateway.noticing import INTERACTIONS as MADE_BY_INTERACTIONS
from stockyard.gateway.noticing import Noticing, hold_for
from stockyard.gateway.own_list import USUAL, OwnList, Page, cursor_in
from stockyard.gateway.spool import Spool, Spooling
from stockyard.gateway.turning import Steering
from stockyard.gateway.whole_reply import WholeReply
from stockyard.providers.directory import Directory
from stockyard.providers.provider import Entry, Provider
from stockyard.wire.late_usage import Lines, Object, Reader, is_told_later
from stockyard.wire.upload import UploadCodec

ALL_FILES = 10_000
"""How many a list of files holds when the caller does not say."""
UPLOADED = frozenset({held.FILES, "uploads", "containers"})
"""Where bodies are files, which may be large."""
_NAMINGS = {"conversations": CONVERSATIONS, held.INTERACTIONS: INTERACTIONS}


class Onward(Protocol):
    def __call__(
        self, there: Endpoint, credential: Credential | None, query: str, steering: Steering
    ) -> Opening:
        """The way to a path of a provider."""


class HeldCalls(Spooling):
    """An Opening for a path below which a provider keeps things."""

    def __init__(
        self,
        head: Head,
        endpoint: Endpoint,
        caller: Caller,
        asked: Asked,
        own: Credential | None,
        *,
        ids: HeldIds,
        directory: Callable[[], Directory],
        late: Callable[[str, str, Credential | None], LateCalls],
        onward: Onward,
        refused: Declining,
        max_body: int,
        max_upload: int,
        spool: Spool,
    ) -> None:
        assert endpoint.holds is not None  # noqa: S101  only such paths come here
        self._reach: Reach = endpoint.holds
        self._head = head
        self._endpoint = endpoint
        self._caller = caller
        self._asked = asked
        self._own = own
        self._ids = ids
        self._directory = directory
        self._late = late
        self._onward = onward
        self._refused = refused
        self.max_body = max_upload if self._reach.collection in UPLOADED else max_body
        self.spool = spool

    def refuse(self, status: int, code: str, message: str) -> Whole:
        return self._refused(Refused(status, code, message))

    def start(self, reply: Reply, body: bytes) -> Running | None:
        try:
            return self._start(reply, body)
        except Refused as refusal:
            self._refused(refusal).to(reply)
            return None

    def _start(self, reply: Reply, body: bytes) -> Running | None:
        reach, method = self._reach, self._head.method
        UploadCodec().reading(self._head.field(b"content-type") or b"").check(body)
        if self._own is not None:
            # What it may see is between the caller and that provider.
            return self._to(self._provider_of(self._own.provider), self._own).start(reply, body)
        if method == "GET" and not reach.id:
            return self._list(WholeReply(reply, lambda status, told: held.with_results_here(told)))
        named = self._named_in(body)
        provider, credential = self._place(body, named)
        holdings = self._holdings(provider, credential)
        for thing in named:
            if not holdings.gets(thing):
                raise held.no_such(thing)
        late = self._late(self._caller.team_id, provider.name, credential)
        steering = Steering()
        if reach.runs:
            hold = hold_for(self._ids, self._caller.team_id) if not reach.id else None
            makes = reach.makes_run(method)
            reply = assistant_runs.watched(reply, late, steering, made=makes, hold=hold)
            return self._to(provider, credential, steering=steering).start(reply, body)
        reply = self._counted(reply, provider, late, steering)
        if reach.collection == held.INTERACTIONS and not reach.id:
            hold = self._holding(late, body)
            reply = noticing = Noticing(reply, MADE_BY_INTERACTIONS, hold)
            steering.watching.append(noticing)
            return self._to(provider, credential, steering=steering).start(reply, body)
        onward = self._to(provider, credential, steering=steering)
        if not reach.teaches(method) or (reach.below and method == "GET"):
            return onward.start(reply, body)
        announced = announced_in(body) if announces(self._head) else None
        learn = partial(self._learn, holdings, late, announced)
        return onward.start(WholeReply(reply, learn), body)

    def _learn(
        self, holdings: Holdings, late: LateCalls, announced: str | None, status: int, answer: bytes
    ) -> bytes:
        """Remember what an answer names, or that it lets an upload begin."""
        if status < 300:
            learnt = holdings.learn(self._reach, self._head.method, answer)
            if announced is not None:
                holdings.announce(announced)
            if self._reach.collection in held.BATCHED:
                for made in learnt.made:
                    late.began(made)
                for file in learnt.along:
                    late.began(file, self._reach.id)
        return held.with_results_here(answer)

    def _holding(self, late: LateCalls, body: bytes) -> Callable[[Exchange, str], None]:
        """What remembers an interaction, and that it will tell what it used."""
        hold = hold_for(self._ids, self._caller.team_id)
        if not is_told_later(body):
            return hold

        def hold_and_wait(x: Exchange, thing: str) -> None:
            hold(x, thing)
            late.began(thing)

        return hold_and_wait

    def _named_in(self, body: bytes) -> list[str]:
        reach = self._reach
        named = _NAMINGS.get(reach.collection, ANY).named_in(body)
        if self._head.method == "POST" and reach.collection == held.FILES and not reach.id:
            named += batch_lines.named_in(body)
        return named

    def _counted(
        self, reply: Reply, provider: Provider, late: LateCalls, steering: Steering
    ) -> Reply:
        """The Reply, read for usage that is told late if there may be any."""
        reader = self._reader(provider)
        if reader is None:
            return reply
        kind: Kind = "chat" if self._reach.collection == held.INTERACTIONS else "batch"
        watching = late.watching(reply, self._reach.id, kind, reader)
        if watching is None:
            return reply
        steering.watching.append(watching)
        return watching

    def _reader(self, provider: Provider) -> Reader | None:
        """What reads the answer for usage that is told late."""
        reach = self._reach
        if reach.results and self._head.method == "GET":
            return Lines(provider.traits)
        if reach.id and (reach.collection in held.BATCHED or reach.collection == held.INTERACTIONS):
            return Object(provider.traits)
        return None

    # Lists

    def _list(self, reply: Reply) -> Running | None:
        providers = self._listed()
        if not providers:
            raise self._nobody()

        def page(place: int, query: str, told: Reply) -> Page:
            provider, credential = providers[place]
            holdings = self._holdings(provider, credential)
            return Page(
                lambda: self._to(provider, credential, query).start(told, b""),
                holdings.has,
                provider.name,
            )

        after = cursor_in(self._head.query)
        first = self._ids.find(self._caller.team_id, after) if after else None
        names = [provider.name for provider, _ in providers]
        begin = names.index(first.provider) if first and first.provider in names else 0
        messages = self._messages or self._reach.collection == held.MESSAGE_BATCHES
        everything = self._reach.collection == held.FILES and not messages
        return OwnList(
            reply,
            self._head.query,
            page,
            range(begin, len(providers)),
            cursor="after_id" if messages else "after",
            usual=ALL_FILES if everything else USUAL,
            verbatim=self._reach.verbatim,
        ).ask()

    def _listed(self) -> list[tuple[Provider, Credential | None]]:
        """Who is asked for a list, and as whom."""
        if self._endpoint.native is not None:
            providers = [self._provider_of(self._endpoint.native)]
        elif self._asked.provider:
            providers = [self._provider_of(self._asked.provider)]
        else:
            providers = self._capable()
        return [
            (provider, credential)
            for provider in providers
            for credential in self._directory().credentials(provider.name) or (None,)
        ]

    # Where it goes

    def _place(self, body: bytes, named: list[str]) -> tuple[Provider, Credential | None]:
        leading = [self._reach.id] if self._reach.id else named
        if leading:
            return self._place_of(leading[0])
        if self._endpoint.native is not None:
            provider = self._provider_of(self._endpoint.native)
        elif self._asked.provider:
            provider = self._provider_of(self._asked.provider)
        else:
            provider = self._by_model(body) or self._only_one()
        credentials = self._directory().credentials(provider.name)
        return provider, credentials[0] if credentials else None

    def _place_of(self, thing: str) -> tuple[Provider, Credential | None]:
        """Who keeps the thing of this id. Raises Refused (404) where the team has no such thing."""
        found = held.held_by(self._ids, self._caller.team_id, thing)
        if found is None or self._endpoint.native not in (None, found.provider):
            raise held.no_such(thing)
        provider = self._directory().provider(found.provider)
        credentials = self._directory().credentials(found.provider)
        credential = next((c for c in credentials if c.id == found.credential_id), None)
        if provider is None or (credential is None and found.credential_id):
            message = f"The provider '{found.provider}' has it, and can no longer be called."
            raise Refused(503, "no_target", message)
        return provider, credential

    def _provider_of(self, name: str) -> Provider:
        provider = self._directory().provider(name)
        if provider is None or (self._endpoint.native is None and self._entry(provider) is None):
            raise Refused(
                400,
                "invalid_request",
                f"The provider '{name[:64]}' does not take {self._what}.",
                detail={"provider": name[:64]},
            )
        return provider

    def _by_model(self, body: bytes) -> Provider | None:
        """The provider that serves the first model in an upload or a batch."""
        model = first_model(body)
        if not model:
            return None
        targets = self._directory().targets(model, "chat")
        capable = {provider.name: provider for provider in self._capable()}
        return next((capable[t.provider] for t in targets if t.provider in capable), None)

    def _only_one(self) -> Provider:
        capable = self._capable()
        if not capable:
            raise self._nobody()
        if len(capable) > 1:
            names = [provider.name for provider in capable]
            raise Refused(
                400,
                "invalid_request",
                f"Several providers take {self._what}: {', '.join(names[:5])}. "
                "Say which one in the header `X-Stockyard-Provider`.",
                param="X-Stockyard-Provider",
                detail={"providers": names[:20]},
            )
        return capable[0]

    def _capable(self) -> list[Provider]:
        configured = self._directory().configured()
        return [provider for provider in configured if self._entry(provider) is not None]

    def _entry(self, provider: Provider) -> Entry | None:
        """Where it keeps such things, in a shape that the client knows."""
        collection = self._reach.collection
        entry = provider.endpoints.get(collection.rpartition("/")[2])
        if entry is None or not entry.certain or entry.format not in self._shapes:
            return None
        return entry

    @property
    def _shapes(self) -> tuple[str, ...]:
        shapes = held.OFFERS.get(self._reach.collection, ())
        if len(shapes) == 1 or self._reach.id:
            return shapes
        return tuple(s for s in shapes if s.startswith("anthropic.") is self._messages)

    @property
    def _messages(self) -> bool:
        """Whether the client is one of the Messages dialect, which shares a path with another."""
        return dialect_of(self._head) == "anthropic.messages"

    @property
    def _what(self) -> str:
        return self._reach.collection.rpartition("/")[2].replace("_", " ")

    def _nobody(self) -> Refused:
        return Refused(503, "no_target", f"No provider that is configured takes {self._what}.")

    # The way there

    def _to(
        self,
        provider: Provider,
        credential: Credential | None,
        query: str | None = None,
        steering: Steering | None = None,
    ) -> Opening:
        query = self._head.query if query is None else query
        steering = steering or Steering()
        if self._endpoint.native is not None:
            return self._onward(self._endpoint, credential, query, steering)
        there = self._onward(self._at(provider), credential, query, steering)
        return Narrowing(there, self._refused.say if self._own is None else None)

    def _at(self, provider: Provider) -> Endpoint:
        entry, reach = self._entry(provider), self._reach
        if entry is None:
            raise self._nobody()
        thing = f"/{reach.id}{reach.below}" if reach.id else ""
        return Endpoint(
            format="",
            kind="passthrough",
            needs=reach.collection,
            methods=self._endpoint.methods,
            max_body=self._endpoint.max_body,
            native=provider.name,
            native_path=entry.path + thing,
            native_origin=entry.origin,
            native_auth=entry.auth,
            passes=entry.format,
        )

    def _holdings(self, provider: Provider, credential: Credential | None) -> Holdings:
        return Holdings(self._ids, self._caller.team_id, provider.name, credential)
