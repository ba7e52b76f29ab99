"""Names that callers use for models."""

import json

import pytest

from stockyard.core.exchange import Constraints
from stockyard.core.folding import unfold
from stockyard.core.messages import Message, Text
from stockyard.core.replay import Replay
from stockyard.core.request import ReasoningWish
from stockyard.core.response import Response
from stockyard.errors import InvalidConfig
from stockyard.modules.routing.modelalias import Alias, Config, Defaults, ModelAlias, Values
from stockyard.testing.yard import Yard
from tests.builders import (
    Provider,
    TableOfModels,
    an_answer,
    an_exchange,
    notes,
    some_ports,
    through,
)


def aliases(*rows: Alias, **config: object) -> ModelAlias:
    ports = some_ports(models=TableOfModels(m=["azure"]))
    return ModelAlias(Config(aliases=rows, **config), ports)  # type: ignore[arg-type]  # options by their names


def named(alias: str, model: str, **fields: object) -> Alias:
    return Alias(alias=alias, model=model, **fields)  # type: ignore[arg-type]  # options by their names


@pytest.mark.parametrize(
    ("rows", "asked", "sent"),
    [
        ([("fast", "small-1")], "fast", "small-1"),
        ([("fast", "small-1")], "Fast", "Fast"),
        ([("fast", "small-1")], "other", "other"),
        ([("gpt-*", "azure/gpt-{1}")], "gpt-x", "azure/gpt-x"),
        ([("gpt-*", "small"), ("gpt-4*", "big")], "gpt-4o", "big"),
        ([("gpt-*", "small"), ("gpt-4", "exact")], "gpt-4", "exact"),
        ([("*", "one")], "anything", "one"),
        ([("*-latest", "{1}-7")], "m-latest", "m-7"),
        ([("a", "b"), ("b", "c"), ("c", "d")], "a", "d"),
        ([("a", "a")], "a", "a"),
    ],
)
def test_resolves(rows: list[tuple[str, str]], asked: str, sent: str) -> None:
    x = an_exchange(model=asked)
    aliases(*(named(*row) for row in rows)).on_request(x)
    assert x.request.model == sent
    assert x.received.model == asked


def test_the_trace_holds_both_names_and_the_caller_is_told() -> None:
    x = an_exchange(model="fast")
    aliases(named("fast", "small-1")).on_request(x)
    assert (x.alias, x.request.model) == ("fast", "small-1")
    assert x.told == [("X-Stockyard-Alias", "fast")]
    assert notes(x) == ["resolved"]


def test_only_the_name_changes_so_the_original_bytes_can_be_kept() -> None:
    x = an_exchange(model="fast")
    aliases(named("fast", "small-1")).on_request(x)
    assert x.request.differs_in_model_only(x.received)


def test_a_name_cannot_break_out_of_the_header() -> None:
    x = an_exchange(model="a\r\nSet-Cookie: b")
    aliases(named("a*", "m")).on_request(x)
    assert x.told == [("X-Stockyard-Alias", "a%0D%0ASet-Cookie: b")]


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "b"), ("b", "a")],
        [("a*", "b{1}"), ("b*", "a{1}")],
        [("*", "x-{1}")],
        [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "f"), ("f", "g")],
    ],
)
def test_a_circle_is_refused_when_it_is_saved(rows: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidConfig) as refused:
        aliases(*(named(*row) for row in rows))
    assert (refused.value.status, refused.value.code) == (422, "alias_loop")


def test_a_star_in_the_model_needs_one_in_the_name() -> None:
    with pytest.raises(InvalidConfig) as refused:
        aliases(named("fine", "m"), named("fast", "gpt-{1}"))
    assert refused.value.path == "aliases[1].model"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Constraints(), ("azure",)),
        (Constraints(providers=("azure", "openai")), ("azure",)),
        (Constraints(providers=("openai",)), ("openai",)),
    ],
)
def test_a_provider_is_a_constraint_that_the_caller_s_own_overrides(
    before: Constraints, after: tuple[str, ...]
) -> None:
    x = an_exchange(model="fast")
    x.constraints = before
    aliases(named("fast", "m", provider="azure")).on_request(x)
    assert x.constraints.providers == after


def test_defaults_fill_in_what_the_caller_left_out() -> None:
    defaults = Defaults(
        temperature=0.2, top_p=0.5, max_tokens=99, reasoning="low", system="Be brief."
    )
    x = an_exchange(model="fast", temperature=0.9)
    aliases(named("fast", "m", defaults=defaults)).on_request(x)
    content = x.request.content
    assert (content.temperature, content.top_p, content.max_output) == (0.9, 0.5, 99)
    assert content.reasoning == ReasoningWish(effort="low")
    assert [message.role for message in content.messages] == ["system", "user"]
    assert content.messages[0].text == "Be brief."


def test_a_system_text_of_the_caller_stands() -> None:
    said = (Message(role="system", parts=(Text(text="Mine."),)),)
    x = an_exchange(model="fast", messages=said)
    aliases(named("fast", "m", defaults=Defaults(system="Ours."))).on_request(x)
    assert x.request.messages == said


def test_the_first_row_s_defaults_come_before_those_of_the_next() -> None:
    x = an_exchange(model="a")
    aliases(
        named("a", "b", defaults=Defaults(temperature=0.1)),
        named("b", "c", defaults=Defaults(temperature=0.2, top_p=0.3)),
    ).on_request(x)
    assert (x.request.content.temperature, x.request.content.top_p) == (0.1, 0.3)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("answer_model", "told"), [("asked", "fast"), ("served", "small-1")])
async def test_the_answer_names_the_model_that_served_or_the_one_asked(
    stream: bool, answer_model: str, told: str
) -> None:
    module = aliases(named("fast", "small-1"), answer_model=answer_model)
    whole = an_answer("hi", model="small-1")
    answer = Replay(unfold(whole.output, whole.usage)) if stream else whole
    x = an_exchange(model="fast", stream=stream)
    response = await through(x, Provider(answer), module)
    assert isinstance(response, Response)
    assert (response.output.model, response.text) == (told, "hi")


@pytest.mark.parametrize("vectors", [1, 40_000], ids=["short", "longer_than_is_held"])
async def test_answers_of_other_kinds_name_the_model_asked(yard: Yard, vectors: int) -> None:
    data = [{"object": "embedding", "index": n, "embedding": [0.5]} for n in range(vectors)]
    said = {"object": "list", "model": "text-embedding-3-small", "data": data, "usage": {}}
    yard.provider("openai").sends(
        200, {"content-type": "application/json"}, json.dumps(said).encode()
    )
    rows = [{"alias": "vectors", "model": "text-embedding-3-small"}]
    yard.enable("modelalias", aliases=rows, answer_model="asked")

    heard = await yard.call("/v1/embeddings", {"model": "vectors", "input": "x"})

    assert heard.json["model"] == "vectors"
    assert len(heard.json["data"]) == vectors


async def test_an_answer_to_a_real_name_is_left_alone() -> None:
    whole = an_answer(model="m-2026")
    module = aliases(named("fast", "small-1"), answer_model="asked")
    response = await through(an_exchange(model="m"), Provider(whole), module)
    assert response is whole


def test_a_provider_that_nobody_knows_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidConfig) as refused:
        aliases(named("fast", "m"), named("slow", "m", provider="azur"))
    assert refused.value.path == "aliases[1].provider"


def test_an_empty_table_is_idle_and_hidden_names_are_not_shown() -> None:
    assert aliases().idle()
    module = aliases(named("fast", "m"), named("secret", "m", hidden=True), named("g*", "m"))
    assert not module.idle()
    assert module.shown == ("fast",)


def test_what_is_forced_applies_whatever_the_caller_said() -> None:
    x = an_exchange(model="fast", temperature=1.5, max_output=9)
    forced = Values(temperature=0.25, reasoning="low")
    row = named("fast", "small-1", force=forced, defaults=Defaults(temperature=1, max_tokens=5))
    aliases(row).on_request(x)
    content = x.request.content
    assert (content.temperature, content.max_output) == (0.25, 9)
    assert content.reasoning == ReasoningWish(effort="low")
    assert x.received.content.temperature == 1.5


def test_what_is_forced_comes_before_what_is_usual() -> None:
    x = an_exchange(model="fast")
    row = named("fast", "small-1", force=Values(temperature=0.25), defaults=Defaults(temperature=1))
    aliases(row).on_request(x)
    assert x.request.content.temperature == 0.25


def test_fields_can_be_renamed_alone() -> None:
    x = an_exchange(model="fast", extra={"openai.chat": {"top_b": 2}})
    aliases(named("fast", "small-1", rename={"top_b": "top_z"})).on_request(x)
    assert x.request.content.extra == {"openai.chat": {"top_z": 2}}


def test_fields_can_be_left_out_and_renamed() -> None:
    own = {"openai.chat": {"top_a": 1, "top_b": 2, "top_c": 3}}
    x = an_exchange(model="fast", seed=7, end_user="ada", max_output=9, extra=own)
    dropped = ("seed", "user", "max_tokens", "top_a")
    row = named("fast", "small-1", drop=dropped, rename={"top_b": "top_z"})
    aliases(row).on_request(x)
    content = x.request.content
    assert (content.seed, content.max_output, content.end_user) == (None, None, None)
    assert content.extra == {"openai.chat": {"top_z": 2, "top_c": 3}}


@pytest.mark.parametrize(
    "row",
    [
        named("fast", "small-1", drop=("seed", "nothing_like_it")),
        named("fast", "small-1", rename={"nothing": "else"}),
        named("fast", "small-1", defaults=Defaults(temperature=1)),
    ],
)
def test_what_changes_nothing_leaves_the_clients_own_bytes(row: Alias) -> None:
    x = an_exchange(model="fast", temperature=0.5)
    aliases(row).on_request(x)
    assert x.request.differs_in_model_only(x.received)


@pytest.mark.parametrize(("rows", "lossy"), [([None], None), (["strict"], "strict")])
def test_a_name_may_say_what_becomes_of_fields_that_cannot_be_told(
    rows: list[str | None], lossy: str | None
) -> None:
    x = an_exchange(model="fast")
    aliases(*(named("fast", "small-1", lossy=said) for said in rows)).on_request(x)
    assert x.lossy == lossy


@pytest.mark.parametrize("stream", [False, True])
async def test_defaults_reach_completions_too(yard: Yard, stream: bool) -> None:
    provider = yard.provider("openai").says("hello")
    row = {"alias": "fast", "model": "gpt-small", "defaults": {"temperature": 0.2}}
    yard.enable("modelalias", aliases=[row])
    body = {"model": "fast", "prompt": "hi", "stream": stream}
    assert (await yard.call("/v1/completions", body)).status == 200
    assert provider.last.json["temperature"] == 0.2
