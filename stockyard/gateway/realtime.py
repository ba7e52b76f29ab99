"""Open realtime sessions: a WebSocket from the client, one to the provider, and us in between.

This file chooses the provider for the model that the query names, and the header fields to forward.
The session itself is in `session.py`.
"""

from collections.abc import Callable
from urllib.parse import parse_qsl, quote, urlencode

from stockyard.core.exchange import Constraints, Exchange
from stockyard.core.inbound import Inbound
from stockyard.core.request import Content, Request
from stockyard.core.target import Target
from stockyard.errors import Refused
from stockyard.gateway.contract import Reply, Running, Whole
from stockyard.gateway.handshake import SessionFields, key_of
from stockyard.gateway.reply import LaneReply
from stockyard.gateway.session import FORMAT, WORDS, Hall, Session
from stockyard.gateway.upgrade import LaneUpgrade, Upgrade
from stockyard.gateway.visit import Visit
from stockyard.providers.paths import kept_query
from stockyard.providers.provider import Entry

NO_CONTENT = Content()


class Realtime:
    """An Opening for one session."""

    max_body = 0

    def __init__(
        self,
        hall: Hall,
        visit: Visit,
        welcome: Callable[[], bool],
        refused: Callable[[Refused], Whole],
    ) -> None:
        self._hall = hall
        self._visit = visit
        self._welcome = welcome
        self._refused = refused

    def refuse(self, refusal: Refused) -> Whole:
        return self._refused(refusal)

    def start(self, reply: Reply, body: bytes) -> Running | None:
        try:
            key = key_of(self._visit.head)
            if not isinstance(reply, LaneReply):
                raise Refused(404, "not_found", "There is no WebSocket at this path.")
        except Refused as refusal:
            self._refused(refusal).to(reply)
            return None
        return self.begin(LaneUpgrade(reply, key))

    def begin(self, upgrade: Upgrade) -> Running | None:
        """Open a session on any kind of connection. None if it is refused at once."""
        hall = self._hall
        try:
            overload = hall.office.overload
            if len(hall.office.running) >= overload.most:
                raise overload.refusal()
            session = Session(hall, self._exchange(), upgrade, self._welcome)
        except Refused as refusal:
            whole = self._refused(refusal)
            upgrade.whole(whole.status, whole.fields, whole.body)
            return None
        session.begin()
        return session

    def _exchange(self) -> Exchange:
        visit = self._visit
        native = visit.endpoint.native
        query = dict(parse_qsl(kept_query(visit.head.query)))
        # Cloud clients name a deployment instead of a model.
        deployment = query.pop("deployment", "")
        if native is None:
            query.pop("api-version", None)
        model = query.pop("model", "") or deployment
        # On native routes a session may have none, such as one that transcribes or joins another.
        if not model and native is None:
            raise Refused(400, "invalid_request", "The query has no 'model'.", param="model")
        target, entry = self._target(model)
        if model:
            query["model"] = target.model
        inbound = Inbound(
            entry.format,
            "GET",
            visit.head.path,
            urlencode(query, quote_via=quote),
            b"",
            SessionFields(visit.head, native=native is not None),
            target.provider,
            visit.endpoint.native_path or entry.path,
            entry.origin,
            entry.auth,
        )
        x = Exchange(
            id=self._hall.new_id(),
            kind="realtime",
            needs="realtime",
            caller=visit.caller,
            inbound=inbound,
            received=Request(model=model, content=NO_CONTENT),
            asked=visit.asked,
        )
        x.targets = (target,)
        x.constraints = Constraints(providers=(target.provider,))
        return x

    def _target(self, model: str) -> tuple[Target, Entry]:
        """A Target that has sessions with this model. Raises Refused (404)."""
        directory = self._hall.directory()
        native, own = self._visit.endpoint.native, self._visit.own
        wanted = native or self._visit.asked.provider
        if native is not None:
            credentials = (own,) if own else directory.credentials(wanted) or (None,)
            name = directory.named_at(wanted, model)
            targets = tuple(Target(wanted, name, credential) for credential in credentials)
        elif own is not None:
            found = directory.own_target(model, "chat", own)
            targets = (found,) if found is not None else ()
        else:
            targets = directory.targets(model, "chat")
        for target in targets:
            provider = directory.provider(target.provider)
            entry = provider.endpoints.get("realtime") if provider is not None else None
            fits = entry is not None and (
                entry.format in WORDS
                if native is not None
                else entry.certain and entry.format == FORMAT
            )
            if entry is not None and fits and wanted in ("", None, target.provider):
                return target, entry
        raise Refused(
            404,
            "model_not_found",
            f"No provider that is configured has realtime sessions with '{model[:128]}'.",
            param="model",
        )
