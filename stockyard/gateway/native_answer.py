"""Stored answers on native routes: accessible to the team that got them, and to no other.

Several teams may share one Credential of ours, so the provider cannot tell them apart.
"""

import re
from urllib.parse import unquote

from msgspec.structs import replace

from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway.asker import Asker
from stockyard.gateway.contract import Reply, Running, Whole
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.held_answer import HELD, late_in, not_there
from stockyard.gateway.steering import Steering

_PATH = re.compile(r"(?:/[^/]+)*?/responses/([^/]+)(?:/.*)?")


def answer_in(path: str) -> str:
    """The id of the answer that a native path names; empty if it names none."""
    found = _PATH.fullmatch(unquote(path))
    return found[1] if found is not None else ""


class NativeAnswer:
    """An Opening for a native path that names an answer."""

    def __init__(self, endpoint: Endpoint, asker: Asker, max_body: int) -> None:
        self._answer = answer_in(endpoint.native_path)
        self._endpoint = replace(endpoint, needs=HELD)
        self._asker = asker
        self.max_body = max_body

    def refuse(self, refusal: Refused) -> Whole:
        return self._asker.refused(refusal)

    def start(self, reply: Reply, body: bytes) -> Running | None:
        asker = self._asker
        try:
            credential = self._credential()
        except Refused as refusal:
            asker.refused(refusal).to(reply)
            return None
        steering = Steering()
        provider = asker.directory().provider(self._endpoint.native or "")
        if provider is not None:
            reply = late_in(asker, provider, credential, self._answer, steering, reply)
        return asker.way(self._endpoint, credential, steering).start(reply, body)

    def _credential(self) -> Credential | None:
        """The one that opens the answer. Raises Refused (404) when it is not the team's."""
        asker = self._asker
        if asker.own is not None:
            return asker.own
        held = asker.keepers.ids.find(asker.team_id, self._answer)
        if held is None or held.provider != self._endpoint.native:
            raise not_there(self._answer)
        return asker.credential(held)
