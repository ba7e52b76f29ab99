"""Tell the caller in headers what Stockyard did with the call.

Why
    Which provider answered, whether from cache, how fast and for how many tokens: a program can act
    on that at once, without asking an API for the trace.

Example
    [modules.responseheaders]
    groups = ["identity", "cache", "tokens", "timing", "attempts"]
    hide = ["x-ratelimit-*"]

Caller sees
    `X-Stockyard-…` headers, on errors too. On a stream, what is known when it starts; the totals
    follow in a comment line before its end if the format allows comments. The request id, the trace
    id, the provider and `Retry-After` are always sent. The group `cost` adds `X-Stockyard-Cost` in
    dollars and `X-Stockyard-Cost-Micros` where the price is known, and `X-Stockyard-Price-State`.
"""

from typing import Annotated, Literal

from msgspec import Meta

from stockyard.core.exchange import Exchange
from stockyard.core.fieldtext import field_text
from stockyard.core.glob import Globs
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.core.ports import Ports
from stockyard.core.price import Cost
from stockyard.core.totals import gateway_us, totals

Group = Literal[
    "identity", "cache", "cost", "tokens", "timing", "limits", "attempts", "tags", "modules"
]
USUAL: tuple[Group, ...] = ("identity", "cache", "tokens", "timing", "limits")
UNPRICED = Cost("unpriced")
MAX_NAMES = 20
LIMIT_HEADERS = ("ratelimit-", "x-ratelimit-")


class Config(ModuleConfig, frozen=True):
    groups: Annotated[
        tuple[Group, ...],
        Meta(
            max_length=9,
            description="What to report: who answered, cache state, cost, tokens, times, what is "
            "left of limits and the version of the configuration, attempts, tags, modules that "
            "noted something.",
        ),
    ] = USUAL
    on_errors: Annotated[bool, Meta(description="Also on errors and refusals.")] = True
    hide: Annotated[
        tuple[Annotated[str, Meta(max_length=200)], ...],
        Meta(max_length=200, description="Headers never sent; `*` stands for any text."),
    ] = ()
    stream_totals: Annotated[
        Literal["off", "comment"],
        Meta(description="Whether a stream ends with a comment line that holds the totals."),
    ] = "comment"
    expose: Annotated[
        bool,
        Meta(description="Let web pages of other origins (`http.cors_origins`) read the headers."),
    ] = True


class ResponseHeaders(Module[Config]):
    name = "responseheaders"
    category = "observe"
    stage = Stage.OBSERVE
    on_by_default = True

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        tells = {
            "identity": _identity,
            "cache": _cache,
            "cost": self._tell_cost,
            "tokens": _tokens,
            "timing": _timing,
            "limits": _limits,
            "attempts": _attempts,
            "tags": _tags,
            "modules": _modules,
        }
        self._tells = tuple(tells[group] for group in config.groups)
        self._hidden = Globs(tuple(pattern.lower() for pattern in config.hide))
        self._shows_limits = "limits" in config.groups
        self._tells_cost = "cost" in config.groups
        self._is_usual = config.groups == USUAL and not config.hide
        self.stream_totals = config.stream_totals

    def on_head(self, x: Exchange) -> None:
        if self._is_usual and x.status < 400:
            x.told_lines += _usual(x)
            return
        if x.status < 400 or self.config.on_errors:
            for tell in self._tells:
                tell(x)
        if self._hidden or not self._shows_limits:
            x.told = [told for told in x.told if self._shown(told[0].lower())]

    def figures(self, x: Exchange) -> dict[str, int | str]:
        """The totals for the comment at the end of a stream."""
        figures = totals(x)
        cost = self._cost(x) if self._tells_cost else None
        if cost is not None:
            figures["price_state"] = cost.state
            if cost.micros is not None:
                figures["cost"], figures["cost_micros"] = _dollars(cost.micros), cost.micros
        return figures

    def _tell_cost(self, x: Exchange) -> None:
        cost = self._cost(x)
        if cost is None:
            return
        if cost.micros is not None:
            x.tell("X-Stockyard-Cost", _dollars(cost.micros))
            x.tell("X-Stockyard-Cost-Micros", str(cost.micros))
        x.tell("X-Stockyard-Price-State", cost.state)

    def _cost(self, x: Exchange) -> Cost | None:
        """What the answer cost at the price of the model that served it; None while no usage is
        known."""
        if x.simulated:
            return Cost("free", 0)
        if x.usage is None or x.target is None:
            return None
        offer = self.ports.models.offer(x.target)
        return offer.cost(x.usage, at_ms=x.started_at_ms) if offer is not None else UNPRICED

    def _shown(self, header: str) -> bool:
        if header.startswith(LIMIT_HEADERS) and not self._shows_limits:
            return False
        return not self._hidden.match(header)


def _dollars(micros: int) -> str:
    return f"{micros // 1_000_000}.{micros % 1_000_000:06}"


def _usual(x: Exchange) -> str:
    """The headers of the groups in `USUAL`, in one piece, because nearly every call sends them.

    Our own ids, states and numbers need no check for characters that a header cannot hold.
    """
    elapsed = x.elapsed_us()
    lines = (
        f"X-Stockyard-Request-Id: {x.id}\r\nX-Stockyard-Cache: {x.cache_state}\r\n"
        f"X-Stockyard-Latency-Ms: {elapsed // 1000}\r\n"
        f"X-Stockyard-Gateway-Us: {gateway_us(x, elapsed)}\r\n"
        f"X-Stockyard-Config-Version: {x.config_version}\r\n"
    )
    if x.target is not None:
        lines += f"X-Stockyard-Model: {field_text(x.target.model)}\r\n"
    usage = x.usage
    if usage is not None:
        lines += (
            f"X-Stockyard-Tokens-In: {usage.prompt}\r\n"
            f"X-Stockyard-Tokens-Out: {usage.completion}\r\n"
        )
    return lines


def _identity(x: Exchange) -> None:
    x.tell("X-Stockyard-Request-Id", x.id)
    if x.target is not None:
        x.tell("X-Stockyard-Model", x.target.model)


def _cache(x: Exchange) -> None:
    x.tell("X-Stockyard-Cache", x.cache_state)


def _tokens(x: Exchange) -> None:
    usage = x.usage
    if usage is not None:
        x.tell("X-Stockyard-Tokens-In", str(usage.prompt))
        x.tell("X-Stockyard-Tokens-Out", str(usage.completion))


def _timing(x: Exchange) -> None:
    elapsed = x.elapsed_us()
    x.tell("X-Stockyard-Latency-Ms", str(elapsed // 1000))
    x.tell("X-Stockyard-Gateway-Us", str(gateway_us(x, elapsed)))


def _limits(x: Exchange) -> None:
    x.tell("X-Stockyard-Config-Version", str(x.config_version))


def _attempts(x: Exchange) -> None:
    if x.attempts:
        x.retell("X-Stockyard-Attempts", str(len(x.attempts)))


def _tags(x: Exchange) -> None:
    if x.tags:
        x.tell("X-Stockyard-Tags", ",".join(f"{name}={value}" for name, value in x.tags.items()))


def _modules(x: Exchange) -> None:
    names = list(dict.fromkeys(finding.module for finding in x.findings))[:MAX_NAMES]
    if names:
        x.tell("X-Stockyard-Modules", ",".join(names))
