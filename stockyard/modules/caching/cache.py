"""Answer a repeated request from the cache instead of paying for it again.

Why
    Tests, demos, classifiers and agents ask the same thing many times. An answer that was given
    once costs nothing the second time, and comes at once. Answers are kept in memory and, unless
    `durable` is off, in the database, as the provider gave them; modules that mask answers mask
    cached ones as well.

Example
    [modules.cache]
    ttl_seconds = 600
    share = "key"

Caller sees
    On a cached answer, `X-Stockyard-Cache: hit` (or `stale`) and `Age`, with the provider and model
    that gave it, and where its price is known `X-Stockyard-Saved-Micros`, what it would cost today
    in micro-dollars. `Cache-Control` (`no-store`, `no-cache`, `max-age`, `only-if-cached`) and
    `X-Stockyard-Cache: off` or `refresh` are obeyed. A miss with `only-if-cached` is HTTP 404
    `cache_miss`.
"""

from functools import partial
from hashlib import sha256
from re import compile as pattern
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from stockyard.core.exchange import Exchange
from stockyard.core.folding import unfold
from stockyard.core.glob import Glob
from stockyard.core.kind import TEXT_KINDS
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.core.money import Usage
from stockyard.core.ports import Ports, Stored
from stockyard.core.replay import Replay
from stockyard.core.request import Content
from stockyard.core.response import Output, Raw, Response
from stockyard.core.stream import Answer
from stockyard.core.target import Target
from stockyard.errors import Refused, UpstreamError

KEY_VERSION = 1
CLOCK_STEP = 60.0
"""Seconds the clock may be set back before answers count as too new to be trusted."""
DEFAULT_TEMPERATURE = 1.0
"""Assumed for calls that set no temperature."""

Ignored = Literal["user", "metadata", "store", "service_tier"]
CONTENT_FIELD: dict[Ignored, str] = {
    "user": "end_user",
    "metadata": "metadata",
    "store": "store",
    "service_tier": "service_tier",
}
Seconds = Annotated[int, Meta(ge=1, le=31_536_000)]
MAX_AGE = pattern(r"max-age=(\d{1,9})")


class TtlRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    glob: Annotated[
        str, Meta(min_length=1, max_length=500, description="Models; `*` stands for any text.")
    ]
    seconds: Annotated[Seconds, Meta(description="How long their answers are kept.")]


class Config(ModuleConfig, frozen=True):
    ttl_seconds: Annotated[Seconds, Meta(description="How long an answer is kept.")] = 3600
    ttl_by_model: Annotated[
        tuple[TtlRow, ...],
        Meta(max_length=1000, description="Other times for some models; the first match applies."),
    ] = ()
    max_entries: Annotated[int, Meta(ge=1, le=10_000_000, description="Answers kept at most.")] = (
        10_000
    )
    max_memory_bytes: Annotated[
        int, Meta(ge=1, le=1_073_741_824, description="Memory they may take.")
    ] = 67_108_864
    max_entry_bytes: Annotated[
        int, Meta(ge=1, le=1_073_741_824, description="Larger answers are not kept.")
    ] = 1_048_576
    max_temperature: Annotated[
        float,
        Meta(
            ge=0,
            le=2,
            description="Calls with a higher temperature are not cached; unset counts as 1.",
        ),
    ] = 1.0
    tools: Annotated[bool, Meta(description="Also cache answers to requests that offer tools.")] = (
        False
    )
    ignore: Annotated[
        tuple[Ignored, ...],
        Meta(max_length=4, description="Fields ignored when requests are compared."),
    ] = ()
    share: Annotated[
        Literal["partition", "key", "user"],
        Meta(description="Who shares cached answers: the team, one Key, or one user."),
    ] = "partition"
    stale_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Serve an expired answer for this long while one call fetches a new one, "
            "and when that call fails.",
        ),
    ] = 0
    durable: Annotated[
        bool,
        Meta(description="Also keep answers in the database, so that they survive a restart."),
    ] = True
    caller_control: Annotated[bool, Meta(description="Obey the caller's cache headers.")] = True


class CachedAnswer(Struct, frozen=True):
    """An answer as it is stored."""

    output: msgspec.Raw
    usage: Usage | None
    raw: tuple[str, int, bytes, bytes] | None
    """Format, status, content type and body of a whole answer in the provider's own bytes."""
    target: tuple[str, str] | None = None
    """Provider and model that gave it."""


class Wish(NamedTuple):
    """What the caller's headers allow the cache to do."""

    read: bool = True
    write: bool = True
    max_age: float = float("inf")
    only_if_cached: bool = False


EVERYTHING = Wish()
_decode_cached = msgspec.msgpack.Decoder(CachedAnswer).decode
_decode_output = msgspec.msgpack.Decoder(Output).decode


class Cache(Module[Config]):
    name = "cache"
    category = "caching"
    stage = Stage.RECALL
    handles = TEXT_KINDS
    wants_response = True

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        self._ttls = tuple((Glob(row.glob), row.seconds) for row in config.ttl_by_model)
        self._ignored = {CONTENT_FIELD[name]: None for name in config.ignore}
        self._answers = ports.lasting_answers if config.durable else ports.answers
        self._refreshing: dict[bytes, str] = {}
        """Expired cache keys -> id of the one call that fetches a new answer for each."""
        if not config.stale_seconds:
            self.skips = frozenset({"on_error"})

    def on_request(self, x: Exchange) -> Answer | None:
        wish = _wish(x) if self.config.caller_control else EVERYTHING
        unfit = self._unfit(x.request.content) if wish.read or wish.write else "asked"
        if unfit:
            x.note(self.name, "skipped", {"reason": unfit})
        if not unfit:
            key = self._key(x)
            stored = self._find(key, wish.max_age) if wish.read else None
            if stored is not None and (self._fresh(stored) or self._refreshed(key, x, wish)):
                return self._hit(x, stored)
            x.cache_state = "miss"
            x.cache_key = key if wish.write else b""
        if wish.only_if_cached:
            raise Refused(404, "cache_miss", "No answer to this request is stored.")
        return None

    def on_response(self, x: Exchange) -> None:
        self._end_refresh(x)
        response = x.response
        if not x.cache_key or response is None:
            return
        unfit = "simulated" if x.simulated else self._unfinished(response.output)
        value = b"" if unfit else _encode(response, x.target)
        if len(value) > self.config.max_entry_bytes:
            unfit = "size"
        if unfit:
            x.note(self.name, "skipped", {"reason": unfit})
            return
        now = self.ports.now()
        expires_at = now + self._ttl(x)
        stored = Stored(
            value=value,
            stored_at=now,
            expires_at=expires_at,
            useless_at=expires_at + self.config.stale_seconds,
            model=x.request.model,
            key_id=x.caller.key_id,
            user=x.user,
            tags=tuple(x.tags.items()),
        )
        self._answers.put(
            x.cache_key,
            stored,
            max_entries=self.config.max_entries,
            max_bytes=self.config.max_memory_bytes,
        )
        x.note(self.name, "stored", {"bytes": len(value)})

    def on_error(self, x: Exchange, error: Exception) -> Answer | None:
        """Serve the stale answer when fetching a new one failed."""
        if not self._end_refresh(x) or not isinstance(error, UpstreamError):
            return None
        stored = self._find(x.cache_key, float("inf"))
        return self._hit(x, stored) if stored is not None else None

    def _find(self, key: bytes, max_age: float) -> Stored | None:
        """The stored answer, if it may be served. It may be stale."""
        stored = self._answers.get(key)
        now = self.ports.now()
        if stored is None or stored.expires_at + self.config.stale_seconds <= now:
            return None
        if stored.stored_at > now + CLOCK_STEP:
            return None  # the clock was set back: its age is unknown
        return stored if now - stored.stored_at < max_age else None

    def _fresh(self, stored: Stored) -> bool:
        return stored.expires_at > self.ports.now()

    def _refreshed(self, key: bytes, x: Exchange, wish: Wish) -> bool:
        """Whether another call is fetching a new answer. If none is, this call now does."""
        if key in self._refreshing:
            return True
        if wish.write:
            self._refreshing[key] = x.id
        return False

    def _end_refresh(self, x: Exchange) -> bool:
        """Whether this call was the one fetching a new answer. It no longer is."""
        if not x.cache_key or self._refreshing.get(x.cache_key) != x.id:
            return False
        del self._refreshing[x.cache_key]
        return True

    def _hit(self, x: Exchange, stored: Stored) -> Answer:
        age = max(0, int(self.ports.now() - stored.stored_at))
        kept = _decode_cached(stored.value)
        x.cache_state = "hit" if self._fresh(stored) else "stale"
        x.stored_usage = kept.usage
        if kept.target is not None:
            x.target = Target(*kept.target)
        x.tell("Age", str(age))
        saved = self._saved(kept)
        if saved is not None:
            x.tell("X-Stockyard-Saved-Micros", str(saved))
        x.note(self.name, x.cache_state, {"age": age, "saved_micros": saved})
        if x.request.stream:
            return Replay(unfold(_decode_output(kept.output), kept.usage))
        raw = None
        if kept.raw is not None:
            form, status, content_type, body = kept.raw
            raw = Raw(form, status, [(b"content-type", content_type)], body)
        return Response(partial(_decode_output, kept.output), usage=kept.usage, raw=raw)

    def _saved(self, kept: CachedAnswer) -> int | None:
        """What the answer would cost today, in micro-dollars; None where no price is known."""
        if kept.target is None or kept.usage is None:
            return None
        offer = self.ports.models.offer(Target(*kept.target))
        if offer is None:
            return None
        return offer.cost(kept.usage, at_ms=int(self.ports.now() * 1000)).micros

    def _key(self, x: Exchange) -> bytes:
        """A digest of everything that the answer may depend on."""
        content = x.request.content
        if self._ignored:
            content = replace(content, **self._ignored)
        question = (
            KEY_VERSION,
            x.partition,
            self._owner(x),
            x.kind,
            x.inbound.native,
            x.request.model,
            x.constraints,
            self.ports.call_fingerprint(),
            content,
        )
        return sha256(msgspec.json.encode(question, order="deterministic")).digest()

    def _owner(self, x: Exchange) -> tuple[str, ...]:
        """Whose calls share this answer. A call without a user shares with its own Key only."""
        if self.config.share == "partition":
            return ()
        user = x.user if self.config.share == "user" else ""
        return ("user", user) if user else ("key", x.caller.key_id)

    def _unfit(self, content: Content) -> str:
        """Why this request is not cached; empty if it is."""
        temperature = content.temperature
        if temperature is None:
            temperature = DEFAULT_TEMPERATURE
        if temperature > self.config.max_temperature:
            return "temperature"
        return "tools" if content.tools and not self.config.tools else ""

    def _unfinished(self, output: Output) -> str:
        """Why this answer is not cached; empty if it is."""
        if not output.choices:
            return "empty"
        whole = ("stop", "tool_calls") if self.config.tools else ("stop",)
        return "" if all(choice.finish in whole for choice in output.choices) else "finish"

    def _ttl(self, x: Exchange) -> int:
        # Callers may put the provider's name before the model's.
        names = {x.request.model, x.target.model if x.target else x.request.model}
        matching = (seconds for glob, seconds in self._ttls if any(map(glob.matches, names)))
        return next(matching, self.config.ttl_seconds)


def _wish(x: Exchange) -> Wish:
    if x.asked.cache == "off":
        return Wish(read=False, write=False)
    control = x.asked.cache_control.lower()
    max_age = MAX_AGE.search(control)
    return Wish(
        read=x.asked.cache != "refresh" and "no-cache" not in control and "no-store" not in control,
        write="no-store" not in control,
        max_age=float(max_age[1]) if max_age else float("inf"),
        only_if_cached="only-if-cached" in control,
    )


def _encode(response: Response, target: Target | None) -> bytes:
    raw = response.raw
    kept = CachedAnswer(
        output=msgspec.Raw(msgspec.msgpack.encode(response.output)),
        usage=response.usage,
        raw=(raw.format, raw.status, _content_type(raw), raw.body) if raw else None,
        target=(target.provider, target.model) if target else None,
    )
    return msgspec.msgpack.encode(kept)


def _content_type(raw: Raw) -> bytes:
    return next((value for name, value in raw.fields if name == b"content-type"), b"")
