"""Calls about an earlier answer: read it, list its input items, cancel it, delete it.

An answer that we store is served from here. For one that a provider stores, the provider is asked,
and only for the team that got the answer.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from stockyard.core.ports import Held, KeptAnswer
from stockyard.core.target import Credential
from stockyard.errors import Refused, StockyardError
from stockyard.gateway.asker import Asker
from stockyard.gateway.contract import Reply, Running, Whole
from stockyard.gateway.egress import JSON_HEAD
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.narrow_reply import NarrowReply
from stockyard.gateway.remembering import Remembering
from stockyard.gateway.steering import Steering
from stockyard.providers.provider import Provider
from stockyard.wire.late_usage import StateUsage

MAX_BODY = 64 * 1024
FORMAT, HELD = "openai.responses", "responses"
DEFAULT_LIMIT, MOST = 20, 100
FORGET_SECONDS = 5.0


class HeldAnswer:
    """An Opening for calls about one answer."""

    max_body = MAX_BODY

    def __init__(self, endpoint: Endpoint, method: str, query: str, asker: Asker) -> None:
        self._endpoint = endpoint
        self._method = method
        self._query = query
        self._asker = asker

    def refuse(self, refusal: Refused) -> Whole:
        return self._asker.refused(refusal)

    def start(self, reply: Reply, body: bytes) -> Running | None:
        try:
            kept = self._kept()
            if kept is None:
                return self._theirs(reply, body)
            if self._method == "DELETE":
                return Forgetting(self._asker, self._endpoint.answer, reply).begun()
            reply.whole(200, JSON_HEAD, self._ours(kept))
        except Refused as refusal:
            self._asker.refused(refusal).to(reply)
        return None

    def _kept(self) -> KeptAnswer | None:
        asker = self._asker
        if asker.own is not None:
            return None
        return asker.keepers.answers.find(asker.team_id, self._endpoint.answer)

    def _ours(self, kept: KeptAnswer) -> bytes:
        asked = parse_qs(self._query)
        if self._endpoint.part == "cancel":
            raise Refused(400, "invalid_request", "This answer is complete. It cannot be stopped.")
        if self._endpoint.part == "input_items":
            return msgspec.json.encode(page_of(msgspec.json.decode(kept.items), asked))
        if asked.get("stream") == ["true"]:
            message = "This answer is complete. Read it without 'stream'."
            raise Refused(400, "invalid_request", message, param="stream")
        return kept.answer

    def _theirs(self, reply: Reply, body: bytes) -> Running | None:
        asker = self._asker
        if asker.own is not None:
            credential: Credential | None = asker.own
            name = asker.own.provider
        else:
            held = self._held()
            name, credential = held.provider, asker.credential(held)
        provider = asker.directory().provider(name)
        entry = provider.speaks.get(FORMAT) if provider is not None else None
        if entry is None:
            raise not_there(self._endpoint.answer)
        tail = "/".join(filter(None, (self._endpoint.answer, self._endpoint.part)))
        onward = Endpoint(
            format="",
            kind="passthrough",
            needs=HELD,
            native=name,
            native_path=f"{entry.path}/{tail}",
            native_origin=entry.origin,
            native_auth=entry.auth,
            passes=FORMAT,
        )
        steering = Steering()
        if provider is not None:
            reply = late_in(asker, provider, credential, self._endpoint.answer, steering, reply)
        narrow = NarrowReply(reply, asker.refused.say if asker.own is None else None)
        return asker.way(onward, credential, steering).start(narrow, body)

    def _held(self) -> Held:
        held = self._asker.keepers.ids.find(self._asker.team_id, self._endpoint.answer)
        if held is None:
            raise not_there(self._endpoint.answer)
        return held


class Forgetting:
    """A Running that deletes an answer that we store, and replies when that is done."""

    def __init__(self, asker: Asker, answer_id: str, reply: Reply) -> None:
        self._asker = asker
        self._id = answer_id
        self._reply = reply

    def begun(self) -> "Forgetting":
        self._asker.keepers.see_to(self._run())
        return self

    async def _run(self) -> None:
        asker = self._asker
        try:
            async with asyncio.timeout(FORGET_SECONDS):
                if not await asker.keepers.answers.forget(asker.team_id, self._id):
                    raise not_there(self._id)
            told = {"id": self._id, "object": "response", "deleted": True}
            whole = Whole(200, JSON_HEAD, msgspec.json.encode(told))
        except Refused as refusal:
            whole = asker.refused(refusal)
        except (StockyardError, TimeoutError):
            message = "The answer could not be deleted now. Try again."
            whole = asker.refused(Refused(503, "overloaded", message, retry_after=1))
        whole.to(self._reply)

    # It ends soon in any case, so it ignores what happens to the client.

    def gone(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def shutdown(self) -> None: ...


def page_of(items: Sequence[Any], asked: dict[str, list[str]]) -> dict[str, Any]:
    """One page of a list of items, by default with the newest first."""
    order = asked.get("order", ["desc"])[-1]
    if order not in ("asc", "desc"):
        raise Refused(400, "invalid_request", "'order' is 'asc' or 'desc'.", param="order")
    limit = asked.get("limit", [str(DEFAULT_LIMIT)])[-1]
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MOST):
        message = f"'limit' is a number from 1 to {MOST}."
        raise Refused(400, "invalid_request", message, param="limit")
    listed = [item for item in items if isinstance(item, dict)]
    if order == "desc":
        listed.reverse()
    ids = [item.get("id") for item in listed]
    after = asked.get("after", [""])[-1]
    if after and after not in ids:
        raise Refused(400, "invalid_request", "There is no such item.", param="after")
    start = ids.index(after) + 1 if after else 0
    page = listed[start : start + int(limit)]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + int(limit) < len(listed),
    }


def late_in(
    asker: Asker,
    provider: Provider,
    credential: Credential | None,
    answer_id: str,
    steering: Steering,
    reply: Reply,
) -> Reply:
    """A Reply that counts a background answer when it is reported as complete, and remembers the
    ids in it, unless the caller uses a secret of their own."""
    late = asker.late(asker.team_id, provider.name, credential)
    watching = late.watching(reply, answer_id, "chat", StateUsage(provider.traits))
    if watching is not None:
        steering.watching.append(watching)
        reply = watching
    if asker.own is None:
        reply = remembering = Remembering(reply, asker.keepers, asker.team_id)
        steering.watching.append(remembering)
    return reply


def not_there(answer_id: str) -> Refused:
    return Refused(404, "not_found", f"There is no response '{answer_id}'.")
