"""Replace personal data before it reaches a provider, and restore it in the answer.

Why
    A model can draft the reply to a customer without knowing the customer's e-mail address or card
    number. What it never sees is not in anybody's logs.

Example
    [modules.promptguard]
    types = ["email", "phone", "card", "iban"]
    allow = ["@acme.example"]

Caller sees
    Only `X-Stockyard-Masked: email=2,phone=1`: the model works with `[EMAIL_1]`, the caller reads
    the real address, streamed or not. Personal data that the model brings up itself becomes
    `[EMAIL]`. With `hash` the model reads `[EMAIL_3f9a21]`, which is the same in every call for the
    same address and team. With `block`, HTTP 400 `content_blocked` with types and counts; for an
    answer HTTP 422 `answer_blocked`. A text with too many candidates to scan in a few seconds (a
    MiB or more of nothing else) is refused with HTTP 503 `module_failed`.

Names and postal addresses are found only as values of JSON fields such as `first_name` and
`street`, not in free text. Images, audio and files are not scanned, nor are fields that are no text
for the model: `user`, `metadata`, URLs and file names. Values are restored only in the call that
sent them: where a provider keeps the earlier turns (`previous_response_id`), placeholders from
those turns stay in the answer.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from stockyard.core.events import Event
from stockyard.core.exchange import Exchange
from stockyard.core.kind import SCANNED_KINDS
from stockyard.core.module import Fails, Module, ModuleConfig, Stage, Streaming
from stockyard.core.ports import Ports, Span
from stockyard.core.scan.call_search import CallSearch
from stockyard.core.scan.matcher import RuleMatcher, replaced
from stockyard.core.scan.normal import NormalView
from stockyard.core.scan.placeholders import PLACEHOLDER, Placeholders, as_issued, canonical
from stockyard.core.scan.regex import operator_pattern
from stockyard.core.scan.rule import Rule, pack
from stockyard.core.scan.segments import (
    LONG_BYTES,
    PATIENCE_SECONDS,
    Segment,
    map_segments,
    unread,
)
from stockyard.core.window import Channel, windows_of
from stockyard.errors import InvalidConfig, Refused

OWN_COUNTRY = ("national_id", "tax_id")
"""Types whose rules of one country can be switched on alone, as `id_pl`."""
RESTORED = "(restored)"

Origin = Literal["system", "user", "assistant", "tool", "prompt", "memory", "context"]


class Custom(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[
        str, Meta(pattern="^[a-z][a-z_]*[a-z]$", max_length=32, description="Its type.")
    ]
    pattern: Annotated[
        str, Meta(min_length=1, max_length=1000, description="What it looks like (RE2 syntax).")
    ]
    confidence: Annotated[float, Meta(ge=0, le=1, description="How sure a match is.")] = 0.9
    luhn: Annotated[bool, Meta(description="Its digits end in a Luhn check digit.")] = False


class Config(ModuleConfig, frozen=True):
    types: Annotated[
        tuple[Annotated[str, Meta(max_length=32)], ...],
        Meta(
            max_length=200,
            description="What to look for. Also available: `name` and `address` (JSON fields), "
            "`url`, and the numbers of one country, such as `id_pl`.",
        ),
    ] = (
        "email",
        "phone",
        "card",
        "iban",
        "national_id",
        "passport",
        "tax_id",
        "ip",
        "mac",
        "birth_date",
        "plate",
        "crypto",
        "coordinates",
    )
    countries: Annotated[
        tuple[Annotated[str, Meta(max_length=2)], ...],
        Meta(
            max_length=200, description="Countries whose phone numbers, plates and ids to look for."
        ),
    ] = ("us", "gb", "de", "fr", "es", "it", "nl", "ca", "au", "in", "br")
    mode: Annotated[
        Literal["restore", "redact", "hash", "block", "note"],
        Meta(description="What happens to personal data in a prompt."),
    ] = "restore"
    answers: Annotated[
        Literal["off", "note", "redact", "block"],
        Meta(
            description="What happens to personal data in an answer that the caller did not send."
        ),
    ] = "redact"
    min_confidence: Annotated[float, Meta(ge=0, le=1, description="How sure a match must be.")] = (
        0.6
    )
    roles: Annotated[
        tuple[Origin, ...], Meta(max_length=200, description="Whose texts are changed.")
    ] = ("user", "tool", "context", "memory", "assistant")
    allow: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=500)], ...],
        Meta(
            max_length=200,
            description="Values to let through; `@domain` for all its e-mail addresses.",
        ),
    ] = ()
    custom: Annotated[
        tuple[Custom, ...], Meta(max_length=1000, description="Personal data of your own forms.")
    ] = ()
    injection: Annotated[
        Literal["off", "note", "block"],
        Meta(description="Known phrases in user texts that try to override instructions."),
    ] = "off"


class PromptGuard(Module[Config]):
    name = "promptguard"
    category = "safety"
    stage = Stage.INSPECT
    streaming = Streaming.CHUNKS
    fails = Fails.CLOSED
    handles = SCANNED_KINDS
    reach = 1_024
    reads_closely = True

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        if config.answers == "off" and config.mode != "restore":
            self.streaming = Streaming.IGNORES
        self.only_notes = {config.mode, config.answers, config.injection} <= {"off", "note"}
        rules = list(_rules(config))
        self._types = {rule.id: rule.type for rule in rules}
        self._allowed = {value.lower() for value in config.allow if not value.startswith("@")}
        self._domains = tuple(value.lower() for value in config.allow if value.startswith("@"))
        self.finder = self._matcher(rules)
        self._answer_finder = self._matcher(
            [PLACEHOLDER, *(rules if config.answers != "off" else ())]
        )
        phrases = pack("injection").rule if config.injection != "off" else ()
        self.injection = RuleMatcher(NormalView.of_rules(phrases))
        self.patience_seconds = PATIENCE_SECONDS

    async def on_request(self, x: Exchange) -> None:
        masking = _Masking(self, x)
        if len(x.inbound.body) > LONG_BYTES:
            await self.ports.offload(masking.gather)
            await masking.search.in_turns(self.ports.offload)
            await self.ports.offload(partial(self._mask, x, masking))
        else:
            self._mask(x, masking)

    def _mask(self, x: Exchange, masking: "_Masking") -> None:
        request = map_segments(x.request, masking.change)
        x.note(self.name, "coverage", {"characters": masking.read, "unread": unread(x.request)})
        self._judge_phrases(x, masking.phrases)
        if not masking.counts:
            return
        mode = self.config.mode
        action = "masked" if mode in ("restore", "redact", "hash") else "found"
        for kind, count in sorted(masking.counts.items()):
            x.note(self.name, action, {"type": kind, "count": count})
        counted = sorted(masking.counts.items())
        if mode == "block":
            types = ", ".join(f"{kind} ({count})" for kind, count in counted)
            raise Refused(
                400,
                "content_blocked",
                f"The prompt contains personal data: {types}.",
                detail={"types": dict(counted)},
            )
        if mode != "note":
            x.request = request
            x.tell("X-Stockyard-Masked", ",".join(f"{kind}={count}" for kind, count in counted))

    def on_chunk(self, x: Exchange, event: Event) -> Event | list[Event] | None:
        if self.config.answers == "off" and not x.vault:
            return event
        edit = partial(self._edit_answer, x)
        return windows_of(x).edit(self.name, event, self._answer_finder, edit)

    def on_response(self, x: Exchange) -> None:
        self._note_answer(x)

    def on_error(self, x: Exchange, error: Exception) -> None:
        self._note_answer(x)

    def find(self, text: str, search: CallSearch) -> list[tuple[Span, str]]:
        """Where personal data stands in a text, and of what type it is."""
        return [(span, self._types[span.rule]) for span in search.find(self.finder, text)]

    def _matcher(self, rules: Sequence[Rule]) -> RuleMatcher:
        accepts = self._is_meant if self.config.allow else None
        return RuleMatcher(
            rules, least=self.config.min_confidence, accepts=accepts, reach=self.reach
        )

    def _is_meant(self, rule: Rule, value: str) -> bool:
        value = value.lower()
        return value not in self._allowed and not value.endswith(self._domains)

    def _judge_phrases(self, x: Exchange, phrases: Counter[str]) -> None:
        if not phrases:
            return
        for rule, count in sorted(phrases.items()):
            x.note(self.name, "injection", {"rule": rule, "count": count})
        if self.config.injection == "block":
            raise Refused(
                400,
                "content_blocked",
                "The prompt tries to override what the model was told.",
                detail={"rules": sorted(phrases)},
            )

    def _edit_answer(self, x: Exchange, span: Span, value: str, channel: Channel) -> str:
        if span.rule == PLACEHOLDER.id:
            return self._restored(x, value, channel)
        kind = self._types[span.rule]
        if _sent(canonical(kind, value)) in x.vault:
            return value
        windows_of(x).tally(self.name, kind)
        if self.config.answers == "block":
            self._note_answer(x)
            raise Refused(
                422,
                "answer_blocked",
                f"The answer contains personal data: {kind}.",
                detail={"types": [kind]},
            )
        return f"[{kind.upper()}]" if self.config.answers == "redact" else value

    def _restored(self, x: Exchange, value: str, channel: Channel) -> str:
        real = x.vault.get(as_issued(value))
        if real is None or self.config.mode != "restore":
            return value
        windows_of(x).tally(self.name, RESTORED)
        return msgspec.json.encode(real).decode()[1:-1] if channel.json else real

    def _note_answer(self, x: Exchange) -> None:
        tally = windows_of(x).tallies.pop(self.name, Counter())
        restored = tally.pop(RESTORED, 0)
        if restored:
            x.note(self.name, "restored", {"count": restored})
        for kind, count in sorted(tally.items()):
            x.note(self.name, "answer_data", {"type": kind, "count": count})


class _Masking:
    """One pass over the texts of a request: counts what is found and puts placeholders in."""

    def __init__(self, guard: PromptGuard, x: Exchange) -> None:
        self.search = CallSearch()
        self.read = 0
        self.counts: Counter[str] = Counter()
        self.phrases: Counter[str] = Counter()
        self._guard = guard
        self._x = x
        mode = guard.config.mode
        self._placeholders = Placeholders(
            x, guard.ports.pseudonym, hashed=mode == "hash", restorable=mode == "restore"
        )

    def gather(self) -> None:
        """Queue in the CallSearch what `change` will look up."""
        map_segments(self._x.request, self._wanted)

    def _wanted(self, text: str, segment: Segment) -> str:
        self.search.want(self._guard.finder, text)
        if self._may_inject(segment):
            self.search.want(self._guard.injection, NormalView(text).text)
        return text

    def _may_inject(self, segment: Segment) -> bool:
        return segment.origin == "user" and self._guard.config.injection != "off"

    def change(self, text: str, segment: Segment) -> str:
        guard = self._guard
        self.read += len(text)
        if self._may_inject(segment):
            spans = self.search.find(guard.injection, NormalView(text).text)
            self.phrases.update(span.rule for span in spans)
        found = guard.find(text, self.search)
        if not found:
            return text
        kinds = dict(found)
        for span, kind in found:
            value = text[span.start : span.end]
            self._x.vault[_sent(canonical(kind, value))] = value
        if segment.origin not in guard.config.roles:
            return text
        self.counts.update(kinds.values())
        if guard.config.mode in ("block", "note"):
            return text
        issue = self._placeholders.issue
        return replaced(text, list(kinds), lambda span, value: issue(kinds[span], value))


def _sent(value: str) -> str:
    """The vault key that marks a value as sent by the caller, so that answers may contain it."""
    return "=" + value


def _rules(config: Config) -> Iterator[Rule]:
    rules = pack("pii").rule
    own_country = {f"id_{rule.country}" for rule in rules if rule.type in OWN_COUNTRY}
    known = {rule.type for rule in rules} | own_country
    for place, kind in enumerate(config.types):
        if kind not in known:
            raise InvalidConfig(f"types[{place}]", f"There is no type '{kind}'.")
    countries = {rule.country for rule in rules if rule.country}
    for place, country in enumerate(config.countries):
        if country not in countries:
            raise InvalidConfig(f"countries[{place}]", f"There are no rules for '{country}'.")
    for place, row in enumerate(config.custom):
        yield _custom(f"custom[{place}]", row)
    yield from (rule for rule in rules if _wanted(rule, config))


def _wanted(rule: Rule, config: Config) -> bool:
    if rule.type in OWN_COUNTRY and f"id_{rule.country}" in config.types:
        return True
    return rule.type in config.types and (not rule.country or rule.country in config.countries)


def _custom(path: str, row: Custom) -> Rule:
    return Rule(
        id=path,
        type=row.name,
        pattern=f"({operator_pattern(row.pattern, path + '.pattern')})",
        confidence=row.confidence,
        check="luhn" if row.luhn else "",
    )
