"""Find passwords, tokens and keys in prompts and answers, and remove them.

Why
    A key pasted into a prompt is in a provider's logs a second later. A secret that never leaves
    cannot leak.

Example
    [modules.secretscan]
    prompts = "block"
    custom = [{ name = "badge", pattern = 'BDG-[0-9]{10}' }]

Caller sees
    `[SECRET_1]` in place of a secret, in the prompt and in the answer, streamed or not, and
    `X-Stockyard-Secrets: 2`. With `block`, HTTP 400 `content_blocked` with the names of the rules;
    for an answer HTTP 422 `answer_blocked`. Secrets of this installation are always blocked. A text
    with too many candidates to scan in a few seconds (a MiB or more of nothing else) is refused
    with HTTP 503 `module_failed`.

Secrets are never sent anywhere to be verified. Images, audio and files are not scanned, nor are
fields that are no text for the model: `user`, `metadata`, URLs and file names. Our own Keys are
stored as digests only, so anything in the form of a Key is treated as one.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Annotated, Literal

from msgspec import Meta, Struct

from stockyard.core.events import Event
from stockyard.core.exchange import Exchange
from stockyard.core.kind import SCANNED_KINDS
from stockyard.core.module import Fails, Module, ModuleConfig, Stage, Streaming
from stockyard.core.ports import Ports, Span
from stockyard.core.scan.call_search import CallSearch
from stockyard.core.scan.checks import random_looking
from stockyard.core.scan.matcher import REACH, RuleMatcher, replaced
from stockyard.core.scan.regex import literal, operator_pattern
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

BLOCK_REACH = 8_192
"""Characters of a private key, from BEGIN to END, that are held back in a stream at most."""
KEY_RULE = "stockyard-key"
GENERIC_RULE = "generic"
SHORTEST_OWN = 8
"""Characters. Shorter values of our own would match ordinary text."""

Action = Literal["off", "note", "redact", "block"]


class Custom(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[
        str,
        Meta(pattern="^[a-z][a-z0-9_-]*$", max_length=64, description="Its name in Findings."),
    ]
    pattern: Annotated[
        str, Meta(min_length=1, max_length=1000, description="What it looks like (RE2 syntax).")
    ]
    keyword: Annotated[
        str,
        Meta(
            max_length=100, description="Must occur in or just before a match; empty: not needed."
        ),
    ] = ""


class Config(ModuleConfig, frozen=True):
    prompts: Annotated[Action, Meta(description="What happens to secrets in a prompt.")] = "redact"
    answers: Annotated[Action, Meta(description="What happens to secrets in an answer.")] = "redact"
    disabled_rules: Annotated[
        tuple[Annotated[str, Meta(max_length=64)], ...],
        Meta(max_length=200, description="Rules of the pack `secrets` to leave out."),
    ] = ()
    entropy: Annotated[
        bool, Meta(description="Also find random values after a name like key or password.")
    ] = True
    min_entropy_bits: Annotated[
        float,
        Meta(
            ge=2,
            le=6,
            description="Entropy in bits per character from which such a value counts as random.",
        ),
    ] = 3.5
    custom: Annotated[
        tuple[Custom, ...], Meta(max_length=1000, description="Secrets of your own forms.")
    ] = ()
    allow_digests: Annotated[
        tuple[Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)], ...],
        Meta(max_length=200, description="SHA-256 digests of values to let through."),
    ] = ()
    own: Annotated[
        bool, Meta(description="Always block this installation's Credentials and Keys.")
    ] = True


class SecretScan(Module[Config]):
    name = "secretscan"
    category = "safety"
    stage = Stage.INSPECT
    streaming = Streaming.CHUNKS
    fails = Fails.CLOSED
    handles = SCANNED_KINDS
    reach = REACH
    reads_closely = True

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        if config.answers == "off" and not config.own:
            self.streaming = Streaming.IGNORES
        self._allowed = frozenset(config.allow_digests)
        self._finder = RuleMatcher(
            _rules(config),
            checks={"random_looking": random_looking(config.min_entropy_bits)},
            accepts=self._is_secret if self._allowed else None,
            reach=BLOCK_REACH,
        )
        self.only_notes = not config.own and {config.prompts, config.answers} <= {"off", "note"}
        self._own = OwnSecrets(ports.secrets) if config.own else None
        self.patience_seconds = PATIENCE_SECONDS

    def idle(self) -> bool:
        return self.config.prompts == self.config.answers == "off" and not self.config.own

    async def on_request(self, x: Exchange) -> None:
        if self._own is not None:
            self._own.refresh()
        search = CallSearch()
        if len(x.inbound.body) > LONG_BYTES:
            await self.ports.offload(partial(self._gather, x, search))
            await search.in_turns(self.ports.offload)
            await self.ports.offload(partial(self._scan, x, search))
        else:
            self._scan(x, search)

    def _gather(self, x: Exchange, search: CallSearch) -> None:
        """Queue in the CallSearch what `_clean` will look up."""

        def want(text: str, segment: Segment) -> str:
            for finder in self._finders():
                search.want(finder, text)
            return text

        map_segments(x.request, want)

    def _finders(self) -> Iterator[RuleMatcher]:
        if self._own is not None:
            yield self._own.finder
        if self.config.prompts != "off":
            yield self._finder

    def _scan(self, x: Exchange, search: CallSearch) -> None:
        read: Counter[str] = Counter()
        found: Counter[tuple[str, str]] = Counter()
        request = map_segments(x.request, partial(self._clean, x, search, read, found))
        x.note(self.name, "coverage", {"characters": read.total(), "unread": unread(x.request)})
        if not found:
            return
        self._note(x, found)
        if self.config.prompts == "block":
            raise self._blocked(400, "content_blocked", "prompt", found)
        if self.config.prompts == "redact":
            x.request = request

    def on_chunk(self, x: Exchange, event: Event) -> list[Event]:
        windows = windows_of(x)
        events: list[Event] = [event]
        if self._own is not None:
            edit = partial(self._refuse_own, x)
            events = windows.edit_all(f"{self.name}.own", events, self._own.finder, edit)
        if self.config.answers != "off":
            events = windows.edit_all(
                self.name, events, self._finder, partial(self._clean_answer, x)
            )
        return events

    def on_response(self, x: Exchange) -> None:
        self._note_answer(x)

    def on_error(self, x: Exchange, error: Exception) -> None:
        self._note_answer(x)

    def on_head(self, x: Exchange) -> None:
        count = sum(
            f.detail["count"]
            for f in x.findings
            if f.module == self.name and f.action == "found" and f.detail is not None
        )
        if count:
            x.tell("X-Stockyard-Secrets", str(count))

    def _clean(
        self,
        x: Exchange,
        search: CallSearch,
        read: Counter[str],
        found: Counter[tuple[str, str]],
        text: str,
        segment: Segment,
    ) -> str:
        read[segment.origin] += len(text)
        if self._own is not None and search.find(self._own.finder, text):
            x.note(self.name, "found", {"rule": "own", "segment": segment.origin, "count": 1})
            raise Refused(400, "content_blocked", "The prompt contains a secret of this gateway.")
        spans = search.find(self._finder, text) if self.config.prompts != "off" else []
        for span in spans:
            found[span.rule, segment.origin] += 1
        return replaced(text, spans, lambda _, value: self._mark(x, value))

    def _clean_answer(self, x: Exchange, span: Span, value: str, channel: Channel) -> str:
        windows_of(x).tally(self.name, span.rule)
        if self.config.answers == "note":
            return value
        if self.config.answers == "block":
            self._note_answer(x)
            raise self._blocked(422, "answer_blocked", "answer", {(span.rule, "answer"): 1})
        return self._mark(x, value)

    def _refuse_own(self, x: Exchange, span: Span, value: str, channel: Channel) -> str:
        windows_of(x).tally(self.name, "own")
        self._note_answer(x)
        raise Refused(422, "answer_blocked", "The answer contains a secret of this gateway.")

    def _mark(self, x: Exchange, value: str) -> str:
        """The replacement for a secret: the same number everywhere in one Exchange."""
        return f"[SECRET_{windows_of(x).number(self.name, value)}]"

    def _is_secret(self, rule: Rule, value: str) -> bool:
        return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest() not in self._allowed

    def _note_answer(self, x: Exchange) -> None:
        tally = windows_of(x).tallies.pop(self.name, Counter())
        self._note(x, Counter({(rule, "answer"): count for rule, count in tally.items()}))

    def _note(self, x: Exchange, found: Counter[tuple[str, str]]) -> None:
        for (rule, segment), count in sorted(found.items()):
            x.note(self.name, "found", {"rule": rule, "segment": segment, "count": count})

    def _blocked(
        self, status: int, code: str, where: str, found: Iterable[tuple[str, str]]
    ) -> Refused:
        rules = sorted({rule for rule, _ in found})
        message = f"The {where} contains what looks like a secret: {', '.join(rules)}."
        return Refused(status, code, message, detail={"rules": rules})


class OwnSecrets:
    """Finds this installation's own secrets: Credentials by value, Keys by their form."""

    def __init__(self, live: Callable[[], Iterable[str]]) -> None:
        self._live = live
        self._values: frozenset[str] | None = None
        self._key_rule = next(rule for rule in pack("secrets").rule if rule.id == KEY_RULE)
        self.finder = RuleMatcher([self._key_rule])

    def refresh(self) -> None:
        """Take up changed secrets. Called once per Exchange; cheap if nothing changed."""
        values = frozenset(value for value in self._live() if len(value) >= SHORTEST_OWN)
        if values == self._values:
            return
        self._values = values
        rules = [self._key_rule]
        if values:
            # Longest first, so that a value is matched whole even if another one is its prefix.
            longest_first = sorted(values, key=lambda value: (-len(value), value))
            pattern = "|".join(literal(value) for value in longest_first)
            rules.append(Rule(id="own", type="own", pattern=pattern))
        self.finder = RuleMatcher(rules)


def _rules(config: Config) -> list[Rule]:
    rules = pack("secrets").rule
    known = {rule.id for rule in rules}
    for place, id in enumerate(config.disabled_rules):
        if id not in known:
            raise InvalidConfig(f"disabled_rules[{place}]", f"There is no rule '{id}'.")
    off = set(config.disabled_rules) | (set() if config.entropy else {GENERIC_RULE})
    custom: dict[str, Rule] = {}
    for place, row in enumerate(config.custom):
        if row.name in custom:
            raise InvalidConfig(f"custom[{place}].name", f"There are two rules '{row.name}'.")
        custom[row.name] = _custom(f"custom[{place}].pattern", row)
    return [*custom.values(), *(rule for rule in rules if rule.id not in off)]


def _custom(path: str, row: Custom) -> Rule:
    return Rule(
        id=f"custom.{row.name}",
        type="custom",
        pattern=f"({operator_pattern(row.pattern, path)})",
        keywords=(row.keyword.lower(),) if row.keyword else (),
    )
