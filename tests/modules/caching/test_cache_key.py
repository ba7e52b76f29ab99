"""Which requests share a cached answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.caller import Caller
from stockyard.core.exchange import Constraints, Exchange
from stockyard.core.inbound import Inbound
from stockyard.core.kind import Kind
from stockyard.core.meaning import Tie
from stockyard.core.messages import Image, Message, Text
from stockyard.core.request import Content, OutputForm, ReasoningWish, Request, Tool, ToolChoice
from tests.builders import Provider, an_answer, an_exchange, some_ports, through
from tests.modules.caching.caches import a_cache, asked_twice

# Every field of a request, and two values of each that must not share an answer.
FIELDS: dict[str, tuple[Any, Any]] = {
    "messages": (
        (Message(role="user", parts=(Text(text="hi"),)),),
        (Message(role="system", parts=(Text(text="hi"),)),),
    ),
    "max_output": (None, 5),
    "temperature": (0.5, 0.25),
    "top_p": (None, 0.5),
    "top_k": (None, 5),
    "min_p": (None, 0.5),
    "stop": (("a",), ("b",)),
    "seed": (1, 2),
    "n": (1, 2),
    "apart": (False, True),
    "summary": (False, True),
    "presence_penalty": (None, 0.5),
    "frequency_penalty": (None, 0.5),
    "logit_bias": ({"1": 1.0}, {"1": 2.0}),
    "logprobs": (None, True),
    "top_logprobs": (None, 3),
    "tools": ((Tool(name="a"),), (Tool(name="b"),)),
    "tool_choice": (ToolChoice(mode="auto"), ToolChoice(mode="none")),
    "parallel_tools": (True, False),
    "output": (None, OutputForm(kind="json_object")),
    "reasoning": (None, ReasoningWish(effort="low")),
    "cache_key": (None, "k"),
    "service_tier": (None, "flex"),
    "end_user": (None, "ann"),
    "metadata": (None, {"a": "b"}),
    "modalities": (("text",), ("text", "audio")),
    "store": (True, False),
    "previous": (None, "resp_1"),
    "tie": (None, Tie(code="previous_response_not_found", message="No.", param="previous")),
    "cache": (None, {"ttl": "1h"}),
    "extra": ({"openai_chat": {"odd": 1}}, {"openai_chat": {"odd": 2}}),
    "shape": (None, "string"),
}


def test_the_table_of_fields_is_complete() -> None:
    assert set(FIELDS) == set(Content.__struct_fields__)


@pytest.mark.parametrize("field", sorted(FIELDS))
async def test_a_request_that_differs_in_one_field_is_another_question(field: str) -> None:
    first, second = FIELDS[field]
    module = a_cache(tools=True)
    same, other = {field: first}, {field: second}
    assert await asked_twice(module, an_exchange(**same), an_exchange(**same))
    assert not await asked_twice(a_cache(tools=True), an_exchange(**same), an_exchange(**other))


def with_partition(partition: str) -> Exchange:
    x = an_exchange()
    x.partition = partition
    return x


def with_constraints(*providers: str) -> Exchange:
    x = an_exchange()
    x.constraints = Constraints(providers=providers)
    return x


def on_native_route() -> Exchange:
    x = an_exchange()
    inbound = x.inbound
    x.inbound = Inbound(
        inbound.format, "POST", "/openai/x", "", b"", inbound.headers, native="openai"
    )
    return x


@pytest.mark.parametrize(
    "other",
    [
        with_partition("another team"),
        with_constraints("two"),
        on_native_route(),
        an_exchange(model="m2"),
        an_exchange(kind="completions"),
    ],
)
async def test_what_surrounds_the_request_counts_too(other: Exchange) -> None:
    assert not await asked_twice(a_cache(), an_exchange(), other)


async def test_a_change_of_a_module_nearer_to_the_provider_is_another_question() -> None:
    fingerprints = iter([b"one", b"two"])
    module = a_cache(some_ports(call_fingerprint=lambda: next(fingerprints)))
    assert not await asked_twice(module, an_exchange(), an_exchange())


async def test_two_hundred_partitions_never_share() -> None:
    module, provider = a_cache(), Provider(an_answer())
    for number in range(200):
        await through(with_partition(f"team {number}"), provider, module)
    assert len(provider.asked) == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


contents = st.fixed_dictionaries(
    {
        "prompt": st.text(max_size=20),
        "temperature": st.none() | st.floats(0, 1),
        "seed": st.none() | st.integers(0, 9),
        "stop": st.none() | st.lists(st.text(max_size=3), max_size=2).map(tuple),
        "extra": st.dictionaries(
            st.sampled_from(["openai_chat", "gemini"]),
            st.dictionaries(st.text(max_size=4), json_values, max_size=2),
            max_size=2,
        ),
    }
)


@given(contents, contents)
def test_two_questions_share_a_key_only_if_they_are_equal(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    module = a_cache()
    keys = []
    for fields in (one, other):
        x = an_exchange(**fields)
        module.on_request(x)
        keys.append(x.cache_key)
    assert all(keys)
    assert (keys[0] == keys[1]) is (one == other or _json_equal(one, other))


def _json_equal(one: Any, other: Any) -> bool:
    return repr(_ordered(one)) == repr(_ordered(other))


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((key, _ordered(inner)) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return [_ordered(inner) for inner in value]
    return value


def test_the_order_of_unknown_fields_does_not_matter() -> None:
    keys = set()
    for extra in ({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2, "c": 1}, "a": 1}):
        x = an_exchange(extra={"openai_chat": extra})
        a_cache().on_request(x)
        keys.add(x.cache_key)
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("ignore", "one", "other"),
    [
        ("user", {"end_user": "a"}, {"end_user": "b"}),
        ("metadata", {"metadata": {"a": "b"}}, {}),
        ("store", {"store": True}, {}),
        ("service_tier", {"service_tier": "flex"}, {}),
    ],
)
async def test_fields_can_be_ignored(
    ignore: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert await asked_twice(a_cache(ignore=(ignore,)), an_exchange(**one), an_exchange(**other))


async def test_users_are_told_apart_by_header_or_body_and_the_nameless_by_their_key() -> None:
    ann, bob = Caller(key_id="key_1", user="ann"), Caller(key_id="key_1", user="bob")
    one, other = Caller(key_id="key_1"), Caller(key_id="key_2")
    for first, second, shared in [
        (an_exchange(caller=ann), an_exchange(caller=ann), True),
        (an_exchange(caller=ann), an_exchange(caller=bob), False),
        (an_exchange(end_user="ann"), an_exchange(end_user="ann"), True),
        (an_exchange(end_user="ann"), an_exchange(end_user="bob"), False),
        (an_exchange(caller=one), an_exchange(caller=one), True),
        (an_exchange(caller=one), an_exchange(caller=other), False),
    ]:
        module = a_cache(share="user", ignore=("user",))
        assert await asked_twice(module, first, second) is shared


@pytest.mark.parametrize(
    ("share", "shared"), [("partition", True), ("key", False), ("user", False)]
)
async def test_shares_no_further_than_told(share: str, shared: bool) -> None:
    ann, bob = (Caller(key_id=f"key_{n}", user=n) for n in ("ann", "bob"))
    module = a_cache(share=share)
    assert await asked_twice(module, an_exchange(caller=ann), an_exchange(caller=bob)) is shared


@pytest.mark.parametrize("kind", ["chat", "completions"])
async def test_hits_are_told_apart_by_kind(kind: Kind) -> None:
    assert await asked_twice(a_cache(), an_exchange(kind=kind), an_exchange(kind=kind))


def test_a_request_that_a_module_changed_has_the_key_of_what_it_became() -> None:
    module = a_cache()
    plain, changed = an_exchange("masked"), an_exchange("secret")
    changed.request = changed.request.map_text(lambda text: text.replace("secret", "masked"))
    assert isinstance(changed.request, Request)
    for x in (plain, changed):
        module.on_request(x)
    assert plain.cache_key == changed.cache_key


def test_images_count() -> None:
    keys = set()
    for data in ("aGk=", "aG8="):
        image = Image(data=data, media_type="image/png")
        x = an_exchange(messages=(Message(role="user", parts=(image,)),))
        a_cache().on_request(x)
        keys.add(x.cache_key)
    assert len(keys) == 2
