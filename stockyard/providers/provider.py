"""A provider: its addresses, formats and peculiarities."""

import re
from collections.abc import Container, Iterator
from fnmatch import fnmatchcase
from urllib.parse import quote

from msgspec import Struct

from stockyard.core.kind import Kind
from stockyard.errors import Refused
from stockyard.providers import auth as schemes
from stockyard.providers.row import TokenPlace

CHAT_LIKE = frozenset({"chat", "completions"})
"""Needs served by the formats a provider `speaks`. All others are served by its `endpoints`."""
COUNT = "count_tokens"
COMPACT = "responses_compact"
"""A summary of a conversation, on a path of its own."""
SUMMARY = "summary"
"""A summary as the answer of a chat; who has a path for one gives it so, too."""
BY_CHAT = frozenset({COUNT, COMPACT, SUMMARY})
"""What any provider that takes chats meets: we do it ourselves where it does not offer it."""
_PLAIN_IN_PATHS = "/:@!$&'()*+,;=-._~"
_VERB = re.compile(r"\{verb:([^|}]*)\|([^}]*)\}")


class Entry(Struct, frozen=True, kw_only=True):
    """One thing a provider offers: a chat format or another kind of call, and its path."""

    name: str
    """The format for what is chat-like (`openai.chat`), else the kind of thing (`embeddings`)."""
    format: str
    """The format of its bodies; empty if no codec reads it."""
    kind: Kind
    origin: str
    """`https://api.example.com`; nearly always the provider's own."""
    path: str
    """From the root of the origin. May hold `{model}`, and `{verb:answer|stream}`."""
    auth: tuple[str, ...]
    """Schemes in order of preference (`auth.py`)."""
    stream_query: str = ""
    """Query that requests the kind of stream the codec reads, if the path alone does not."""
    models: tuple[str, ...] = ()
    """Globs of the models that are called here, and only here."""
    takes: dict[str, tuple[str, ...]] = {}
    """Other formats whose calls for these models (globs) are sent here, because little is lost."""
    encoded: bool = False
    """The model's name in the path is fully percent-encoded, slashes and colons too."""
    certain: bool = True
    """False if path or format were never confirmed: then it is used only if the operator names
    it."""

    def scheme(self, *, with_secret: bool) -> str:
        """The authentication scheme to use here."""
        if not with_secret:
            return "none"
        return next((scheme for scheme in self.auth if scheme != "none"), "none")

    def path_for(self, model: str, *, stream: bool = False) -> str:
        """The path of one call. A model name cannot lead to another path (`security.md` S10)."""
        if "{" not in self.path:
            return self.path
        if any(segment in ("", ".", "..") for segment in model.split("/")):
            raise Refused(404, "model_not_found", f"There is no model {model!r}.", param="model")
        safe = "" if self.encoded else _PLAIN_IN_PATHS
        filled = self.path.replace("{model}", quote(model, safe=safe))
        return _VERB.sub(r"\2" if stream else r"\1", filled)

    def takes_over(self, wanted: str, model: str) -> bool:
        """Whether callers who speak another format come here for this model."""
        return any(fnmatchcase(model, glob) for glob in self.takes.get(wanted, ()))

    def streams(self, verb: str) -> bool:
        """Whether a path with this verb asks for a stream."""
        verbs = _VERB.search(self.path)
        return verbs is not None and verb == verbs[2]


class Provider(Struct, frozen=True, kw_only=True, eq=False):
    """A catalog row, checked, with the operator's changes. Compared by identity."""

    name: str
    title: str
    base_url: str
    origin: str
    prefix: str
    """The path of `base_url`; empty when it has none."""
    env: tuple[str, ...] = ()
    """Environment variables that may hold its secret."""
    auth: tuple[str, ...] = ("bearer",)
    speaks: dict[str, Entry] = {}
    """Its chat formats, preferred first."""
    endpoints: dict[str, Entry] = {}
    """Other kinds of call."""
    also: tuple[Entry, ...] = ()
    """Paths that only callers on its native route use."""
    secrets: dict[str, tuple[str, ...]] = {}
    """Environment variables of the secrets of other schemes than the first."""
    scheme: str = ""
    """The scheme that the operator chose; empty for the first that has a secret."""
    tokens: dict[str, TokenPlace] = {}
    """Where the secrets of schemes are exchanged for tokens. One whose address lacks a value is
    not here."""
    values: dict[str, str] = {}
    """Values it needs besides its secret, such as a region or a project."""
    quirks: tuple[str, ...] = ()
    traits: frozenset[str] = frozenset()
    """The names in `quirks`, for codecs to look into."""
    models: tuple[str, ...] = ()
    """Globs of model names that are sent here without a prefix."""
    model_traits: dict[str, tuple[str, ...]] = {}
    """Traits of some of its models, by glob."""
    features: frozenset[str] = frozenset()
    fields: tuple[tuple[bytes, bytes], ...] = ()
    """Header fields sent with every call."""
    query: str = ""
    """Query sent with every call, encoded."""
    versions: tuple[str, ...] = ()
    """Version segments that a caller on its native path may choose."""
    versions_alike: bool = False
    """Bodies look the same in all of them."""
    encoded_slash: bool = False
    """A model name in a path may hold `%2F`, kept as sent."""
    stays_below: tuple[str, ...] = ()
    """Beginnings of the paths that callers on its native route may reach; empty for all."""
    docs: str = ""
    notes: str = ""
    verified: bool = False
    transport: str = "http"
    """`network`, or the built-in provider that answers."""
    local: bool = False
    """It runs on this machine."""
    named: bool = False
    """The operator mentioned it in the settings."""
    allow_private: bool = False
    """The operator opened this one private address for it."""
    missing: tuple[str, ...] = ()
    """Settings that its address needs and that are not set. Until then it cannot be called."""

    def variables(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Scheme -> the environment variables that may hold its secret, if it can be used now."""
        for scheme, variables in ((self.auth[0], self.env), *self.secrets.items()):
            if scheme in self.tokens or not schemes.exchanged(scheme):
                yield scheme, variables

    def formats(self, known: Container[str], model: str = "") -> Iterator[str]:
        """The chat formats that may be spoken to it, best first, among those we can write; to one
        of its models, if one is given."""
        entries = self._speaks_to(model) if model else self.speaks.values()
        return (e.name for e in entries if e.certain and e.name in known)

    def format_for(self, wanted: str, known: Container[str], model: str = "") -> str | None:
        """The format to speak to it for a caller who speaks `wanted` (`wire.md` 1, law 8)."""
        possible = tuple(self.formats(known, model))
        if wanted in possible:
            return wanted
        chats = [name for name in possible if self.speaks[name].kind == "chat"]
        taking = (name for name in chats if self.speaks[name].takes_over(wanted, model))
        return next(taking, None) or next(iter(chats), None)

    def serves(self, needs: str, known: Container[str]) -> bool:
        """Whether a call with these needs can be sent to it in a format that we can write."""
        if needs in BY_CHAT:
            needs = "chat"
        if needs in CHAT_LIKE:
            # A plain prompt can be asked as a chat; a chat is more than a prompt.
            return any(self.speaks[name].kind in (needs, "chat") for name in self.formats(known))
        return self._offered(needs, known) is not None

    def serves_kind(self, kind: Kind, known: Container[str]) -> bool:
        """Whether any call of this kind can be sent to it: some kinds have several endpoints."""
        names = (name for name, entry in self.endpoints.items() if entry.kind == kind)
        return any(self.serves(needs, known) for needs in (kind, *names))

    def entry_for(
        self, needs: str, wanted: str, known: Container[str], model: str = ""
    ) -> Entry | None:
        """What of it takes a call with these needs, from a caller who speaks `wanted`."""
        if needs == SUMMARY:
            offered = self._offered(COMPACT, known) and self.format_for(wanted, known, model)
            return self.speaks[wanted] if offered == wanted else None
        if needs not in CHAT_LIKE:
            return self._offered(needs, known)
        name = self.format_for(wanted, known, model)
        return None if name is None else self.speaks[name]

    def _offered(self, needs: str, known: Container[str]) -> Entry | None:
        entry = self.endpoints.get(needs)
        return entry if entry is not None and entry.certain and entry.format in known else None

    def _speaks_to(self, model: str) -> list[Entry]:
        entries = self.speaks.values()
        naming = [e for e in entries if any(fnmatchcase(model, glob) for glob in e.models)]
        return naming or [e for e in entries if not e.models]

    def traits_of(self, model: str) -> frozenset[str]:
        """The traits of one of its models."""
        globs = self.model_traits.items()
        return frozenset(t for glob, traits in globs if fnmatchcase(model, glob) for t in traits)

    def claims(self, model: str) -> int | None:
        """How specifically it claims a model: the literal characters of its best glob before the
        wildcard.

        None when no glob matches. One without a wildcard beats all that have one.
        """
        fits = [glob for glob in self.models if fnmatchcase(model, glob)]
        return max(map(_literal_prefix, fits), default=None)


def _literal_prefix(glob: str) -> int:
    star = min((at for c in "*?[" if (at := glob.find(c)) >= 0), default=-1)
    return star if star >= 0 else len(glob) + 1
