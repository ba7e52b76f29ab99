"""What all Openings of the data plane share: formats, providers, the Line, and access rules."""

from collections import Counter
from collections.abc import Callable, Mapping

from msgspec import Struct

from stockyard.core.ids import Ids
from stockyard.core.kind import Kind
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway import endpoints
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.http import Head
from stockyard.gateway.keepers import Keepers
from stockyard.gateway.late_calls import LateCalls
from stockyard.gateway.line import Line
from stockyard.gateway.listing import dialect_of
from stockyard.gateway.office import Office
from stockyard.gateway.session_clock import Lasting
from stockyard.providers.directory import Directory
from stockyard.wire.codec import Codec, Forms


class Access(Struct, frozen=True):
    """Rules for what callers may send, and for callers without one of our Keys."""

    bring_your_own: str = "loopback"
    max_body: int = endpoints.MAX_JSON_BODY
    max_upload: int = endpoints.MAX_UPLOAD
    """For bodies that are files, or not JSON."""
    allow_unread: bool = False
    """Let text that modules cannot read pass, even if a module is on that masks or blocks text."""
    session: Lasting = Lasting()
    """For realtime sessions."""


class Reception:
    def __init__(
        self,
        *,
        line: Line,
        office: Office,
        formats: Mapping[str, Codec],
        directory: Callable[[], Directory],
        access: Access,
        aliases: Callable[[], tuple[str, ...]],
        keepers: Keepers,
    ) -> None:
        self.line = line
        self.office = office
        self.formats = formats
        self.directory = directory
        self.access = access
        self.aliases = aliases
        self.keepers = keepers
        self.ids = Ids()
        self.declined: Counter[str] = Counter()
        """How many requests were refused before a call began, by code."""

    def new_id(self) -> str:
        """An id for a new call."""
        return self.ids.new("req_")

    def reader_of(self, format: str, head: Head) -> Codec | None:
        """The codec for bodies of this format, as this head describes them. Raises Refused
        (415)."""
        forms: object = self.formats.get(format)
        if isinstance(forms, Forms):
            return forms.reading(head.field(b"content-type") or b"")
        return self.formats.get(format)

    def check_guards(self, kind: Kind) -> None:
        """Raises Refused (403) if a module blocks this kind of call because it cannot read it."""
        guard = self.line.guards.get(kind)
        if guard is None or self.access.allow_unread:
            return
        message = (
            f"The module '{guard}' is on and cannot read what is sent here. "
            "An operator may let it pass (`auth.allow_unread`)."
        )
        refusal = Refused(403, "kind_not_allowed", message)
        refusal.module = guard
        raise refusal

    def usual_model(self, endpoint: Endpoint) -> str:
        """The default model for a call that names none. Raises Refused (400) if there is none."""
        alias = endpoint.model_alias
        if alias and (alias in self.aliases() or self.directory().targets(alias, endpoint.kind)):
            return alias
        hint = f" An operator may name a usual one as the alias '{alias}'." if alias else ""
        message = f"The request has no 'model'.{hint}"
        raise Refused(400, "invalid_request", message, param="model")

    def words(self, head: Head, endpoint: Endpoint | None) -> Codec:
        """The codec for errors: of the path, or of the client on shared paths (`wire.md` 2.2)."""
        if endpoint is not None and endpoint.about != "models" and endpoint.format in self.formats:
            return self.formats[endpoint.format]
        return self.formats.get(dialect_of(head), self.office.plain)

    def late(self, team_id: str, provider: str, credential: Credential | None) -> LateCalls:
        """Counts calls of a team at a provider whose usage is reported later."""
        return LateCalls(self.office, self.keepers, self.new_id, team_id, provider, credential)
