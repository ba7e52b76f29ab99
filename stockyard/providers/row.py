"""One row of the catalog, as `catalog.toml` and the operator's settings spell it.

The fields are those of `wire.md` 12.1, and these: `settings` names the variables that may fill a
`{placeholder}` of its addresses, `defaults` what fills it otherwise, `derived` the placeholders
that follow from others; `secrets` and `tokens` say where the secret of a scheme stands and where it
is exchanged; `also` are paths of its native route that are not called otherwise; `stays_below`
says where that route ends on a host that has more than models; `fields` and `query` go with every
call; `model_traits` says what is peculiar to some of its models; `transport`
is who carries the bytes.
"""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from stockyard.errors import CannotStart

BAD_CONFIG = 78  # EX_CONFIG, reliability.md 9.6

CUSTOMARY = {
    "openai.chat": "/chat/completions",
    "openai.completions": "/completions",
    "openai.responses": "/responses",
    "anthropic.messages": "/messages",
    "gemini": "/models/{model}:{verb:generateContent|streamGenerateContent}",
}
"""The usual path of each format, after the version segment."""

_PLACES = {
    **{name: {name: path} for name, path in CUSTOMARY.items()},
    "cohere.chat": {"cohere.chat": "/chat"},
    "ollama.chat": {"ollama.chat": "/api/chat", "ollama.generate": "/api/generate"},
}
"""What providers of a kind speak, and where."""
_VERSIONS = {"anthropic.messages": "/v1", "gemini": "/v1beta", "cohere.chat": "/v2"}
"""The version segment of formats whose base URLs are given without it."""
_STREAM_QUERIES = {"gemini": "alt=sse"}
_AUTH = {"gemini": "header:x-goog-api-key"}
"""How a secret is shown in a format whose providers do not take it as a bearer."""
_QUIRKS = {"ollama.chat": ("num_ctx_from_prompt",)}
"""What all providers of a kind want."""


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry as a row spells it when a bare path is not enough."""

    path: str
    format: str | None = None
    auth: str | None = None
    stream_query: str = ""
    models: tuple[str, ...] = ()
    """Globs of the models that are called here, and only here; empty: those that no entry names."""
    takes: dict[str, tuple[str, ...]] = {}
    """Other formats whose callers come here -> globs of the models for which they do."""


class Derived(Struct, frozen=True, forbid_unknown_fields=True):
    """A placeholder whose value follows from that of another."""

    of: str
    otherwise: str
    """For all values that `table` does not have."""
    table: dict[str, str] = {}


class TokenPlace(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the secret of a scheme is exchanged for tokens, and what for."""

    url: str = ""
    """Empty for the machine's own identity, whose address is always the same. A path stands on the
    provider's own origin. Nowhere else is such a secret ever sent."""
    scope: str = ""
    exchange_url: str = ""
    """Where the statement of another issuer is exchanged."""
    account_url: str = ""
    """Where tokens of a service account are requested; `{account}` is its name."""
    number_field: str = ""
    """A header field in which a new UUID is wanted with every request."""


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One provider as the catalog has it."""

    title: str
    base_url: str
    env: tuple[str, ...]
    auth: tuple[str, ...]
    settings: dict[str, str | tuple[str, ...]] = {}
    defaults: dict[str, str] = {}
    """Values of placeholders that are not set."""
    derived: dict[str, Derived] = {}
    secrets: dict[str, tuple[str, ...]] = {}
    """Variables of the secrets of other schemes than the first."""
    tokens: dict[str, TokenPlace] = {}
    also: dict[str, str] = {}
    """Path -> its format, or the kind of call as in `endpoints`."""
    speaks: dict[str, str | Place] = {}
    endpoints: dict[str, str | Place] = {}
    quirks: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    model_traits: dict[str, tuple[str, ...]] = {}
    features: tuple[str, ...] = ()
    fields: dict[str, str] = {}
    query: dict[str, str] = {}
    unverified: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    """Kinds of call it serves at an unconfirmed path or in an unconfirmed format. They are not
    used."""
    versions: tuple[str, ...] = ()
    versions_alike: bool = False
    encoded_slash: bool = False
    stays_below: tuple[str, ...] = ()
    docs: str = ""
    verified: bool = False
    transport: Literal["http", "mock"] = "http"
    notes: str = ""


class Mention(Struct, frozen=True, kw_only=True):
    """What an operator may say of a provider besides the fields of its row."""

    enabled: bool = True
    kind: str | UnsetType = UNSET
    """The format of a provider that the catalog does not have."""
    allow_private: bool = False
    scheme: str = ""
    """How its secret is shown, where its row has several ways."""
    formats: tuple[str, ...] = ()
    """What to speak to it, best first, of what its row has; certain, as the operator says so."""
    token_url: str = ""
    """Where its tokens are fetched, in place of what the row says."""
    think_tags: bool = False
    """Its models write their thinking into the text, between tags."""
    values: dict[str, str] = {}
    """For the placeholders of its address."""
    given: frozenset[str] = frozenset()
    """Everything the operator set, by name."""


NOT_MENTIONED = Mention()
"""What is true of a provider that the operator says nothing about."""

SETTINGS_OF_OTHERS = frozenset({"api_key", "credentials", "timeout", "data_policy"})
"""Keys of `[providers.<name>]` that say nothing about the provider itself."""


def shipped_rows() -> dict[str, Row]:
    """What the catalog says, unchanged."""
    text = files("stockyard.providers").joinpath("catalog.toml").read_text(encoding="utf-8")
    return rows_in(text)


def rows_in(text: str) -> dict[str, Row]:
    """The tables of a catalog, in their order."""
    return {name: _converted(name, row) for name, row in tomllib.loads(text).items()}


def mention_of(name: str, given: Mapping[str, Any]) -> Mention:
    fields = {f: given[f] for f in Mention.__struct_fields__ if f in given}
    try:
        return msgspec.convert(fields | {"given": list(given)}, Mention)
    except msgspec.ValidationError as error:
        raise bad_row(name, str(error)) from None


def changed(name: str, row: Row, given: Mapping[str, Any]) -> Row:
    """The row with the operator's fields in place of its own."""
    apart = {*SETTINGS_OF_OTHERS, *Mention.__struct_fields__}
    fields = msgspec.to_builtins(row) | {k: v for k, v in given.items() if k not in apart}
    if "unverified" not in given:
        offered = {*fields["speaks"], *fields["endpoints"]}
        fields["unverified"] = [entry for entry in row.unverified if entry in offered]
    return _converted(name, fields)


def refuse_other_kind(name: str, row: Row, given: Mapping[str, Any]) -> None:
    """The catalog knows which formats its providers speak; `kind` cannot change that."""
    kind = given.get("kind")
    if kind is not None and kind not in row.speaks:
        raise bad_row(
            name,
            f"the catalog has it, and it does not speak `{kind}`. Take `kind` out, or give a "
            "provider of your own another name.",
        )


def row_of_kind(name: str, given: Mapping[str, Any]) -> Row:
    """A row for a provider that the catalog does not have, from its format and address."""
    kind, base_url = given.get("kind"), given.get("base_url")
    if not isinstance(kind, str) or not isinstance(base_url, str):
        raise bad_row(name, "the catalog does not have it, so it needs `kind` and `base_url`.")
    if kind not in _PLACES:
        raise bad_row(name, f"`kind` must be one of {', '.join(_PLACES)}.")
    versioned = re.search(r"/v[0-9]+[a-z]*/?$", base_url) is not None
    version = "" if versioned else _VERSIONS.get(kind, "")
    return Row(
        title=name,
        base_url=base_url,
        env=(),
        auth=(_AUTH.get(kind, "bearer"), "none"),
        speaks={
            spoken: Place(version + path, stream_query=_STREAM_QUERIES.get(kind, ""))
            for spoken, path in _PLACES[kind].items()
        },
        quirks=_QUIRKS.get(kind, ()),
        endpoints=_OPENAI_LIKE if kind.startswith("openai.") else {},
        features=("stream", "tools"),
    )


_OPENAI_LIKE: dict[str, str | Place] = {
    "models": "/models",
    "embeddings": "/embeddings",
    "speech": "/audio/speech",
    "transcriptions": "/audio/transcriptions",
    "translations": "/audio/translations",
    "images": "/images/generations",
    "image_edits": "/images/edits",
    "image_variations": "/images/variations",
}
"""What servers of this family may have besides; one that lacks it says so itself."""


def bad_row(name: str, what: str) -> CannotStart:
    return CannotStart(BAD_CONFIG, f"Provider {name}: {what}")


def _converted(name: str, row: Any) -> Row:
    try:
        return msgspec.convert(row, Row)
    except msgspec.ValidationError as error:
        raise bad_row(name, str(error)) from None
