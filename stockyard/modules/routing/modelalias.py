"""Let callers use names you choose for models.

Why
    A program that asks for `fast` need not change when the fast model does. One table says what
    each name means today.

Example
    [modules.modelalias]
    aliases = [
        { alias = "fast", model = "small-1", defaults = { temperature = 0.2 } },
        { alias = "gpt-*", model = "azure/gpt-{1}" },
    ]

Caller sees
    The answer of the model behind the name, and `X-Stockyard-Alias` with the name it used. With
    `answer_model = "asked"` the answer carries that name too.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from stockyard.core.events import Event, Started
from stockyard.core.exchange import Constraints, Exchange
from stockyard.core.glob import Glob
from stockyard.core.messages import Message, Text
from stockyard.core.module import ALL_KINDS, Module, ModuleConfig, Stage, Streaming
from stockyard.core.ports import Ports
from stockyard.core.request import Content, ReasoningWish, Request
from stockyard.errors import InvalidConfig

MAX_STEPS = 5


class Defaults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    temperature: (
        Annotated[float, Meta(ge=0, le=2, description="How freely the model chooses.")] | None
    ) = None
    top_p: (
        Annotated[float, Meta(ge=0, le=1, description="Choose among this share of tokens.")] | None
    ) = None
    max_tokens: (
        Annotated[int, Meta(ge=1, le=10_000_000, description="The longest answer.")] | None
    ) = None
    reasoning: (
        Annotated[str, Meta(max_length=32, description="How much to think, such as `low`.")] | None
    ) = None
    system: (
        Annotated[str, Meta(max_length=100_000, description="System text, if there is none.")]
        | None
    ) = None


class Alias(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    alias: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=500,
            pattern=r"^[^*]*\*?[^*]*$",
            description="The name callers use; one `*` stands for any text.",
        ),
    ]
    model: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=500,
            description="What it stands for; `{1}` is the text of the `*`.",
        ),
    ]
    provider: Annotated[str, Meta(max_length=64, description="Only at this provider.")] = ""
    defaults: Annotated[Defaults, Meta(description="What applies when the caller left it out.")] = (
        Defaults()
    )
    hidden: Annotated[bool, Meta(description="Left out of the list of models.")] = False


class Config(ModuleConfig, frozen=True):
    aliases: Annotated[
        tuple[Alias, ...],
        Meta(max_length=1000, description="Names and what they stand for."),
    ] = ()
    answer_model: Annotated[
        Literal["served", "asked"],
        Meta(description="The model's name in the answer: the one that served, or the one asked."),
    ] = "served"


class ModelAlias(Module[Config]):
    name = "modelalias"
    category = "routing"
    stage = Stage.SHAPE
    handles = ALL_KINDS - {"passthrough"}
    streaming = Streaming.CHUNKS
    on_by_default = True

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        if config.answer_model == "served":
            self.streaming = Streaming.IGNORES
        globs = [(Glob(row.alias), row) for row in config.aliases]
        self._exact = {row.alias: row for glob, row in globs if glob.literal}
        self._globs = sorted(
            ((glob, row) for glob, row in globs if not glob.literal),
            key=lambda entry: -len(entry[0]),
        )
        self.shown = tuple(name for name, row in self._exact.items() if not row.hidden)
        """Names that the list of models shows."""
        for place, row in enumerate(config.aliases):
            self._check(place, row)

    def idle(self) -> bool:
        return not self.config.aliases

    def on_request(self, x: Exchange) -> None:
        asked = x.request.model
        rows, model = self._resolve(asked)
        if not rows or not _is_at_home(x.inbound.native, rows, model):
            return
        x.alias = asked
        if self.config.answer_model == "asked":
            x.answer_model = asked
        x.tell("X-Stockyard-Alias", asked)
        x.note(self.name, "resolved", {"steps": len(rows)})
        request = x.request if model == asked else x.request.with_model(model)
        for row in rows:
            if row.provider:
                x.constraints = _at(row.provider, x.constraints)
            if x.kind == "chat":
                request = _with_defaults(request, row.defaults)
        x.request = request
        if x.inbound.native is not None:
            x.targets = tuple(replace(t, model=_bare(model, t.provider)) for t in x.targets)

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        if x.answer_model and isinstance(event, Started):
            return replace(event, model=x.answer_model)
        return event

    def _resolve(self, model: str) -> tuple[list[Alias], str]:
        """The rows that a name goes through, and where it ends after at most five steps."""
        rows: list[Alias] = []
        while len(rows) < MAX_STEPS:
            found = self._row(model)
            if found is None:
                break
            row, named = found
            if named == model and rows:
                break
            rows.append(row)
            if named == model:
                break
            model = named
        return rows, model

    def _row(self, model: str) -> tuple[Alias, str] | None:
        """The row for a name and what it stands for; exact names first, then the longest glob."""
        row = self._exact.get(model)
        if row is not None:
            return row, row.model
        for glob, candidate in self._globs:
            if glob.matches(model):
                return candidate, candidate.model.replace("{1}", glob.star(model))
        return None

    def _check(self, place: int, row: Alias) -> None:
        """Every name must come to an end."""
        if "{1}" in row.model and "*" not in row.alias:
            raise InvalidConfig(
                f"aliases[{place}].model", "`{1}` needs a `*` in the alias it belongs to."
            )
        _, model = self._resolve(row.alias.replace("*", "x"))
        further = self._row(model)
        if further is not None and further[1] != model:
            raise InvalidConfig(
                f"aliases[{place}]",
                f"The alias '{row.alias}' leads in a circle, or over more than {MAX_STEPS} steps.",
                code="alias_loop",
                status=422,
            )


def _is_at_home(native: str | None, rows: list[Alias], model: str) -> bool:
    """Whether a name means a model of the only provider that a native route reaches."""
    if native is None:
        return True
    home = "/" not in model or model != _bare(model, native)
    return home and all(row.provider in ("", native) for row in rows)


def _bare(model: str, provider: str) -> str:
    """The name of a model at its provider."""
    return model.removeprefix(f"{provider}/")


def _at(provider: str, constraints: Constraints) -> Constraints:
    """Only at this provider; what the caller demanded stands when the two disagree."""
    if constraints.providers and provider not in constraints.providers:
        return constraints
    return replace(constraints, providers=(provider,))


def _with_defaults(request: Request, defaults: Defaults) -> Request:
    if defaults == Defaults():
        return request
    changes = _filled_in(request.content, defaults)
    return request.replace(**changes) if changes else request


def _filled_in(content: Content, defaults: Defaults) -> dict[str, Any]:
    """The fields that the caller left out and the row has a value for."""
    changes: dict[str, Any] = {}
    if content.temperature is None and defaults.temperature is not None:
        changes["temperature"] = defaults.temperature
    if content.top_p is None and defaults.top_p is not None:
        changes["top_p"] = defaults.top_p
    if content.max_output is None and defaults.max_tokens is not None:
        changes["max_output"] = defaults.max_tokens
    if content.reasoning is None and defaults.reasoning is not None:
        changes["reasoning"] = ReasoningWish(effort=defaults.reasoning)
    if defaults.system is not None and all(m.role != "system" for m in content.messages):
        system = Message(role="system", parts=(Text(text=defaults.system),))
        changes["messages"] = (system, *content.messages)
    return changes
