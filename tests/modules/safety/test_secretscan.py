"""Secrets in prompts and answers."""

import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import msgspec
import pytest

from stockyard.core.events import (
    ArgumentsDelta,
    Event,
    PartEnded,
    PartStarted,
    TextDelta,
)
from stockyard.core.exchange import Exchange
from stockyard.core.messages import Message, Text, ToolCall
from stockyard.core.module import Streaming
from stockyard.core.response import Response
from stockyard.core.scan.rule import pack, sample
from stockyard.core.stream import Answer
from stockyard.errors import InvalidConfig, Refused
from stockyard.modules.safety.secretscan import Config, SecretScan
from tests.builders import Provider, a_stream, an_answer, an_exchange, some_ports, through

TOKEN = sample("gh{p_*1}{Zq3Wm8Kt*4}{hR5v*1}")
OTHER = sample("gl{pat-*1}{hR5vB2nX*2}{Zq3W*1}")
LIVE = sample("live-{credential*1}-of-ours-{42*3}")
KEY = sample("sk-{sy-*1}{Zq3Wm8Kt*6}q")
PEM = sample(
    "-----BEGIN RSA {PRIVATE*1} KEY-----\n"
    + "{Zq3Wm8KthR5vB2nXZq3Wm8KthR5vB2nXZq3Wm8KthR5vB2nXZq3Wm8KthR5vB2nX\n*46}"
    + "-----END RSA {PRIVATE*1} KEY-----"
)


def build(live: Callable[[], Iterable[str]], **config: Any) -> SecretScan:
    return SecretScan(msgspec.convert(config, Config), some_ports(secrets=live))


@cache
def default() -> SecretScan:
    return build(lambda: iter([LIVE]))


def scan(**config: Any) -> SecretScan:
    return build(lambda: iter([LIVE]), **config) if config else default()


def texts(events: list[Event]) -> str:
    return "".join(e.text for e in events if isinstance(e, TextDelta | ArgumentsDelta))


async def sent(prompt: str, **config: Any) -> tuple[str, Exchange]:
    x = an_exchange(prompt)
    await through(x, Provider(an_answer()), scan(**config))
    return x.request.messages[0].text, x


async def answered(answer: Answer, prompt: str = "hi", **config: Any) -> str:
    response = await through(an_exchange(prompt), Provider(answer), scan(**config))
    assert isinstance(response, Response)
    return response.text


def found(x: Exchange) -> list[tuple[str, str, int]]:
    return [
        (f.detail["rule"], f.detail["segment"], f.detail["count"])
        for f in x.findings
        if f.action == "found" and f.detail
    ]


@pytest.mark.parametrize(
    ("prompt", "leaves"),
    [
        (f"use {TOKEN} please", "use [SECRET_1] please"),
        (f"{TOKEN} and {OTHER} and {TOKEN}", "[SECRET_1] and [SECRET_2] and [SECRET_1]"),
        ("postgres://app:" + TOKEN[4:16] + "@db/x", "postgres://app:[SECRET_1]@db/x"),
        ("commit 3f786850e387550fdab836ed7e6dc881de23001b", None),
        ("id = 123e4567-e89b-12d3-a456-426614174000", None),
        ("key: 123e4567-e89b-12d3-a456-426614174000", None),
        ("sk-EXAMPLE", None),
        ("OPENAI_API_KEY=sk-your-key-goes-here-please-now", None),
        ("the token count is 1048576 and the key idea is simple", None),
    ],
)
async def test_secrets_are_replaced_before_they_leave(prompt: str, leaves: str | None) -> None:
    text, x = await sent(prompt)
    assert text == (leaves or prompt)
    assert x.untouched is (leaves is None)


async def test_every_rule_of_the_pack_is_found_and_none_of_the_negatives() -> None:
    module = scan(own=False)
    for rule in pack("secrets").rule:
        for text in (*rule.positive, *rule.negative):
            x = an_exchange(sample(text))
            await module.on_request(x)
            named = any(name == rule.id for name, _, _ in found(x))
            assert x.untouched is False or text in rule.negative, text
            assert not (named and text in rule.negative), text


async def test_a_finding_says_rule_segment_and_count_and_nothing_of_the_secret() -> None:
    messages = (
        Message(role="system", parts=(Text(text=f"{TOKEN} {TOKEN}"),)),
        Message(role="assistant", parts=(ToolCall(id="1", name="f", arguments=OTHER),)),
    )
    x = an_exchange(messages=messages)
    await through(x, Provider(an_answer()), scan())
    assert found(x) == [("github-token", "system", 2), ("gitlab-token", "assistant", 1)]
    assert ("X-Stockyard-Secrets", "3") in x.told
    assert TOKEN not in str(x.findings)


@pytest.mark.parametrize(
    ("action", "leaves"), [("off", TOKEN), ("note", TOKEN), ("redact", "[SECRET_1]")]
)
async def test_what_happens_to_a_secret_in_a_prompt_can_be_set(action: str, leaves: str) -> None:
    text, x = await sent(TOKEN, prompts=action)
    assert text == leaves
    assert bool(found(x)) is (action != "off")


async def test_blocked_prompts_are_told_the_rules_and_not_the_secret() -> None:
    provider = Provider(an_answer())
    with pytest.raises(Refused) as refused:
        await through(an_exchange(TOKEN), provider, scan(prompts="block"))
    assert (refused.value.status, refused.value.code) == (400, "content_blocked")
    assert refused.value.detail == {"rules": ["github-token"]}
    assert TOKEN not in refused.value.message
    assert provider.asked == []


@pytest.mark.parametrize(
    ("config", "prompt", "found_rules"),
    [
        ({"disabled_rules": ["github-token"]}, f"use {TOKEN}", []),
        ({"entropy": False}, f"secret = {OTHER[6:]}", []),
        ({"min_entropy_bits": 5.5}, f"secret = {OTHER[6:]}", []),
        ({}, f"secret = {OTHER[6:]}", ["generic"]),
        ({"allow_digests": [hashlib.sha256(TOKEN.encode()).hexdigest()]}, f"use {TOKEN}", []),
        ({"custom": [{"name": "b", "pattern": "BDG-(1|2)+"}]}, "BDG-1212", ["custom.b"]),
        (
            {"custom": [{"name": "b", "pattern": r"\d{6}", "keyword": "Badge"}]},
            "badge no. 123456, order" + " " * 60 + "654321",
            ["custom.b"],
        ),
    ],
)
async def test_rules_can_be_left_out_added_and_sharpened(
    config: dict[str, Any], prompt: str, found_rules: list[str]
) -> None:
    _, x = await sent(prompt, **config)
    assert [rule for rule, _, _ in found(x)] == found_rules


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"disabled_rules": ["jwt", "no-such-rule"]}, "disabled_rules[1]"),
        ({"custom": [{"name": "a", "pattern": "("}]}, "custom[0].pattern"),
        ({"custom": [{"name": "a", "pattern": "x*"}]}, "custom[0].pattern"),
        ({"custom": [{"name": "a", "pattern": "x"}] * 2}, "custom[1].name"),
    ],
)
def test_a_config_that_cannot_work_is_refused_with_its_path(
    config: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidConfig) as refused:
        scan(**config)
    assert refused.value.path == path


@pytest.mark.parametrize("secret", [TOKEN, OTHER, PEM])
async def test_an_answer_is_cleaned_however_it_is_cut(secret: str) -> None:
    text = f"Here: {secret} - done"
    assert await answered(an_answer(text)) == "Here: [SECRET_1] - done"
    assert await answered(a_stream(*text)) == "Here: [SECRET_1] - done"
    assert await answered(a_stream(text[:9], text[9:20], text[20:])) == "Here: [SECRET_1] - done"


async def test_a_key_split_over_five_chunks_does_not_get_out() -> None:
    module, x = scan(), an_exchange()
    await module.on_request(x)
    pieces = ["Key: " + TOKEN[:3], TOKEN[3:9], TOKEN[9:20], TOKEN[20:39], TOKEN[39:]]
    out = ""
    for piece in pieces:
        out += texts(module.on_chunk(x, TextDelta(key="t", text=piece)))
        assert TOKEN[:4] not in out
    out += texts(module.on_chunk(x, PartEnded(key="t")))
    assert out == "Key: [SECRET_1]"


async def test_a_private_key_is_one_replacement_and_the_rest_flows_on() -> None:
    assert len(PEM) > 3000
    text = f"before {PEM} after"
    pieces = [text[at : at + 50] for at in range(0, len(text), 50)]
    assert await answered(a_stream(*pieces)) == "before [SECRET_1] after"


async def test_a_private_key_that_breaks_off_does_not_get_out() -> None:
    for length in (60, 100, 2000, 3100):
        assert await answered(a_stream("before " + PEM[:length])) == "before [SECRET_1]"


async def test_a_secret_has_the_same_number_in_prompt_and_answer() -> None:
    text = await answered(an_answer(f"{OTHER} {TOKEN} "), prompt=TOKEN)
    assert text == "[SECRET_2] [SECRET_1] "


async def test_arguments_of_tools_are_cleaned_and_stay_json() -> None:
    module, x = scan(), an_exchange()
    await module.on_request(x)
    events: list[Event] = [
        PartStarted(key="f", kind="tool_call", name="f"),
        ArgumentsDelta(key="f", text='{"api_key": "' + TOKEN[:20]),
        ArgumentsDelta(key="f", text=TOKEN[20:] + '", "n": 1}'),
        PartEnded(key="f"),
    ]
    out = [edited for event in events for edited in module.on_chunk(x, event)]
    assert texts(out) == '{"api_key": "[SECRET_1]", "n": 1}'


async def test_what_an_answer_held_is_noted_once_it_is_complete() -> None:
    x = an_exchange()
    await through(x, Provider(a_stream(TOKEN, " ", TOKEN, " ", OTHER)), scan(answers="note"))
    assert found(x) == [("github-token", "answer", 2), ("gitlab-token", "answer", 1)]


@pytest.mark.parametrize("make", [an_answer, a_stream])
async def test_a_blocked_answer_is_refused(make: Any) -> None:
    x = an_exchange()
    with pytest.raises(Refused) as refused:
        await through(x, Provider(make(f"take {TOKEN} ")), scan(answers="block"))
    assert (refused.value.status, refused.value.code) == (422, "answer_blocked")
    assert found(x) == [("github-token", "answer", 1)]


@pytest.mark.parametrize("own", [LIVE, KEY])
@pytest.mark.parametrize("action", ["off", "note", "redact", "block"])
@pytest.mark.parametrize("make", [an_answer, a_stream])
async def test_our_own_secrets_are_blocked_whatever_the_setting(
    own: str, action: str, make: Any
) -> None:
    with pytest.raises(Refused) as refused:
        await answered(make(f"it is {own}."), answers=action)
    assert refused.value.code == "answer_blocked"
    with pytest.raises(Refused) as refused:
        await sent(f"it is {own}", prompts=action)
    assert refused.value.code == "content_blocked"


async def test_a_credential_that_changes_is_known_from_the_next_call_on() -> None:
    live = ["an-old-credential"]
    module = build(lambda: iter(live))
    await through(an_exchange("a-new-credential"), Provider(an_answer()), module)
    live[:] = ["a-new-credential", "short"]
    with pytest.raises(Refused):
        await through(an_exchange("a-new-credential"), Provider(an_answer()), module)
    await through(an_exchange("an-old-credential, short"), Provider(an_answer()), module)


async def test_our_own_secrets_may_pass_where_that_is_set() -> None:
    text, _ = await sent(LIVE, own=False, prompts="off")
    assert text == LIVE


def test_it_looks_at_no_stream_when_it_need_not() -> None:
    assert scan(answers="off", own=False).streaming is Streaming.IGNORES
    assert scan(answers="off").streaming is Streaming.CHUNKS
    assert scan(answers="off", prompts="off", own=False).idle()


async def test_it_says_how_much_it_read_and_what_it_could_not() -> None:
    _, x = await sent("four")
    assert x.findings[0].action == "coverage"
    assert x.findings[0].detail == {"characters": 4, "unread": {}}


async def test_when_the_engine_breaks_nothing_is_sent() -> None:
    def broken() -> Any:
        raise RuntimeError("no")

    module = build(broken)
    provider = Provider(an_answer())
    with pytest.raises(Refused) as refused:
        await through(an_exchange(), provider, module)
    assert (refused.value.status, refused.value.code) == (503, "module_failed")
    assert provider.asked == []


@pytest.mark.parametrize("text", ["hello", "the last word could be a key", ""])
async def test_an_answer_without_secrets_is_forwarded_as_it_came(text: str) -> None:
    answer = an_answer(text)
    assert await through(an_exchange(), Provider(answer), scan()) is answer
