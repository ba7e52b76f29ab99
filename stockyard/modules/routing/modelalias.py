"""Let callers use model names that you choose.

Why
    A program that asks for `fast` need not change when the fast model does. One table says what
    each name means today.

Example
    [modules.modelalias]
    aliases = [
        { alias = "fast", model = "small-1", defaults = { temperature = 0.2 } },
        { alias = "gpt-*", model = "azure/gpt-{1}" },
        { alias = "exact", model = "large-1", drop = ["seed"], force = { temperature = 0 } },
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
from stockyard.core.fieldrules import left_out, renamed
from stockyard.core.glob import Glob
from stockyard.core.kind import ALL_KINDS, TEXT_KINDS
from stockyard.core.messages import Message, Text
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.core.ports import Ports
from stockyard.core.request import ReasoningWish, Request
from stockyard.core.response import Output
from stockyard.errors import InvalidConfig

MAX_STEPS = 5


class Values(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    temperature: Annotated[float, Meta(ge=0, le=2, description="Sampling temperature.")] | None = (
        None
    )
    top_p: (
        Annotated[float, Meta(ge=0, le=1, description="Nucleus sampling: share of probability.")]
        | None
    ) = None
    max_tokens: (
        Annotated[int, Meta(ge=1, le=10_000_000, description="Tokens of the answer at most.")]
        | None
    ) = None
    reasoning: (
        Annotated[str, Meta(max_length=32, description="Reasoning effort, such as `low`.")] | None
    ) = None


class Defaults(Values, frozen=True, kw_only=True, forbid_unknown_fields=True):
    system: (
        Annotated[
            str, Meta(max_length=100_000, description="System message, if the request has none.")
        ]
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
            description="The model it stands for; `{1}` is the text of the `*`.",
        ),
    ]
    provider: Annotated[str, Meta(max_length=64, description="Only at this provider.")] = ""
    defaults: Annotated[Defaults, Meta(description="Values used when the caller sets none.")] = (
        Defaults()
    )
    force: Annotated[Values, Meta(description="Values used whatever the caller sets.")] = Values()
    drop: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...],
        Meta(max_length=100, description="Request fields to leave out."),
    ] = ()
    rename: Annotated[
        dict[str, Annotated[str, Meta(min_length=1, max_length=100)]],
        Meta(
            max_length=100,
            description="Fields of the caller's own format, and the names to send them under.",
        ),
    ] = {}
    lossy: Annotated[
        Literal["strict", "warn", "silent"] | None,
        Meta(description="Overrides the setting `translation.lossy` for this name."),
    ] = None
    hidden: Annotated[bool, Meta(description="Left out of the list of models.")] = False


class Config(ModuleConfig, frozen=True):
    aliases: Annotated[
        tuple[Alias, ...],
        Meta(max_length=1000, description="Names and what they stand for."),
    ] = ()
    answer_model: Annotated[
        Literal["served", "asked"],
        Meta(
            description="The model named in the answer: the one that served, or the one requested."
        ),
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
            self.skips = frozenset({"on_response"})
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
            if x.kind not in TEXT_KINDS:
                x.reads = "everything"  # `on_response` must see the answer, however long
        x.tell("X-Stockyard-Alias", asked)
        x.note(self.name, "resolved", {"steps": len(rows)})
        request = x.request if model == asked else x.request.with_model(model)
        for row in rows:
            if row.provider:
                x.constraints = _at(row.provider, x.constraints)
            if row.lossy is not None:
                x.lossy = row.lossy
            if x.kind in TEXT_KINDS:
                request = _as_wanted(request, row)
        x.request = request
        if x.inbound.native is not None:
            x.targets = tuple(replace(t, model=_bare(model, t.provider)) for t in x.targets)

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        if x.answer_model and isinstance(event, Started):
            return replace(event, model=x.answer_model)
        return event

    def on_response(self, x: Exchange) -> None:
        """Rename the model in answers that are not chats: those have no Events."""
        if not x.answer_model or x.response is None:
            return
        answered = x.response.meaning
        if answered.model and answered.model != x.answer_model and not isinstance(answered, Output):
            x.response = x.response.with_output(replace(answered, model=x.answer_model))

    def stands_for(self, name: str) -> str:
        """The model that a name stands for; a name that is no alias stands for itself."""
        return self._resolve(name)[1]

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
        """Refuse an alias that loops, or whose provider is unknown."""
        if row.provider and not self.ports.models.has_provider(row.provider):
            raise InvalidConfig(
                f"aliases[{place}].provider",
                f"There is no provider '{row.provider}'. See `stockyard models`.",
            )
        if "{1}" in row.model and "*" not in row.alias:
            raise InvalidConfig(
                f"aliases[{place}].model", "`{1}` needs a `*` in the alias it belongs to."
            )
        _, model = self._resolve(row.alias.replace("*", "x"))
        further = self._row(model)
        if further is not None and further[1] != model:
            raise InvalidConfig(
                f"aliases[{place}]",
                f"The alias '{row.alias}' goes in a circle, or takes more than {MAX_STEPS} steps.",
                code="alias_loop",
                status=422,
            )


def _is_at_home(native: str | None, rows: list[Alias], model: str) -> bool:
    """Whether an alias may be used on a native route, which reaches one provider only."""
    if native is None:
        return True
    home = "/" not in model or model != _bare(model, native)
    return home and all(row.provider in ("", native) for row in rows)


def _bare(model: str, provider: str) -> str:
    """The name of a model at its provider."""
    return model.removeprefix(f"{provider}/")


def _at(provider: str, constraints: Constraints) -> Constraints:
    """Restrict to this provider, unless the caller restricted the call to others."""
    if constraints.providers and provider not in constraints.providers:
        return constraints
    return replace(constraints, providers=(provider,))


def _as_wanted(request: Request, row: Alias) -> Request:
    """The request with the row's changes; the same object if there are none."""
    if not (row.drop or row.rename) and row.force == Values() and row.defaults == Defaults():
        return request
    content = renamed(left_out(request.content, row.drop), row.rename)
    changes = _said(row.force)
    said = _said(row.defaults)
    changes |= {f: v for f, v in said.items() if f not in changes and getattr(content, f) is None}
    system = row.defaults.system
    if system is not None and all(m.role != "system" for m in content.messages):
        first = Message(role="system", parts=(Text(text=system),))
        changes["messages"] = (first, *content.messages)
    if changes:
        content = replace(content, **changes)
    return request if content is request.content else request.with_content(content)


def _said(values: Values) -> dict[str, Any]:
    """The values that are set, by their names in requests."""
    wish = None if values.reasoning is None else ReasoningWish(effort=values.reasoning)
    said = {
        "temperature": values.temperature,
        "top_p": values.top_p,
        "max_output": values.max_tokens,
        "reasoning": wish,
    }
    return {name: value for name, value in said.items() if value is not None}
