"""Placeholders for personal data: how they are issued, recognised and turned back."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from stockyard.core.events import ArgumentsDelta, PartEnded, TextDelta
from stockyard.core.meaning import Tie
from stockyard.core.messages import Message, ToolCall
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.testing.yard import Yard
from tests.builders import Provider, an_answer, an_exchange, through
from tests.modules.safety.promptguards import ANN, BOB, edited, guard, noted, sent, talk


@pytest.mark.parametrize(
    "written",
    [
        "[EMAIL_1]",
        "[email_1]",
        "[ EMAIL_1 ]",
        "[EMAIL 1]",
        "[EMAIL-1]",
        r"\[EMAIL\_1\]",
        r"[EMAIL\_1]",
        r"\u005bEMAIL_1\u005d",
    ],
)
async def test_placeholders_are_known_however_a_model_writes_them(written: str) -> None:
    assert await talk(ANN, an_answer(f"it is {written}!")) == f"it is {ANN}!"


@pytest.mark.parametrize("written", ["[EMAIL_9]", "[PHONE_1]", "EMAIL_1", "[see note 1]", "[1]"])
async def test_placeholders_that_were_never_issued_stay(written: str) -> None:
    assert await talk(ANN, an_answer(f"it is {written}!")) == f"it is {written}!"


async def test_values_are_put_back_into_arguments_of_tools_as_json() -> None:
    module = guard(custom=[{"name": "title", "pattern": 'the "[a-z]+" one'}])
    x = an_exchange('the "odd" one')
    await module.on_request(x)
    assert x.request.messages[0].text == "[TITLE_1]"
    out = edited(
        module,
        x,
        ArgumentsDelta(key="f", text='{"to": "[TITL'),
        ArgumentsDelta(key="f", text=r'E\\_1]", "n": 1}'),
        PartEnded(key="f"),
    )
    assert out == r'{"to": "the \"odd\" one", "n": 1}'


async def test_whole_answers_with_calls_of_tools_are_restored_too() -> None:
    call = ToolCall(id="1", name="mail", arguments='{"to":"[EMAIL_1]"}')
    message = Message(role="assistant", parts=(call,))
    output = Output(choices=(Choice(message=message, finish="tool_calls"),))
    response = await through(an_exchange(ANN), Provider(Response(output)), guard())
    assert isinstance(response, Response)
    (part,) = response.output.choices[0].message.parts
    assert part == ToolCall(id="1", name="mail", arguments=f'{{"to":"{ANN}"}}')


async def test_placeholders_are_put_back_even_where_answers_are_not_searched() -> None:
    assert await talk(ANN, an_answer("[EMAIL_1]"), answers="off") == ANN


async def test_what_was_found_in_an_answer_that_broke_off_is_noted() -> None:
    module, x = guard(answers="note"), an_exchange("hi")
    await module.on_request(x)
    edited(module, x, TextDelta(key="t", text="eve@evil.example "), PartEnded(key="t"))
    module.on_error(x, UpstreamError("interrupted", "The provider hung up."))
    assert noted(x, "answer_data") == [{"type": "email", "count": 1}]


async def test_hashes_are_the_same_within_a_partition_and_differ_between_two() -> None:
    module = guard(mode="hash")
    texts = []
    for partition in ("one", "one", "two"):
        x = an_exchange(ANN)
        x.partition = partition
        await module.on_request(x)
        texts.append(x.request.messages[0].text)
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].startswith("[EMAIL_")
    assert len(texts[0]) == len("[EMAIL_3f9a21]")


async def test_placeholders_do_not_mean_somebody_else_in_turns_that_the_provider_keeps(
    yard: Yard,
) -> None:
    provider = yard.provider("openai").says("Done, [EMAIL_1].")
    yard.enable("promptguard")
    first = await yard.call("/v1/responses", {"model": "gpt-4o", "input": f"mail {ANN}"})
    assert provider.last.fields["input"] == "mail [EMAIL_1]"
    body = {"model": "gpt-4o", "input": f"and {BOB}", "previous_response_id": first.json["id"]}

    heard = await yard.call("/v1/responses", body)
    assert BOB.encode() not in heard.body  # the model spoke of its first turn
    bob = provider.last.fields["input"].removeprefix("and ")
    provider.says(f"To {bob}.")
    heard = await yard.call("/v1/responses", body)
    assert f"To {BOB}." in heard.body.decode()


@pytest.mark.parametrize("param", ["previous_response_id", "conversation"])
async def test_placeholders_of_calls_that_go_on_follow_from_their_values(param: str) -> None:
    sent = []
    for text in (f"{ANN} {BOB} {ANN}", f"{BOB} {ANN} {BOB}"):
        x = an_exchange(
            text, tie=Tie(code="previous_response_not_found", message="Kept.", param=param)
        )
        await guard().on_request(x)
        sent.append(x.request.messages[0].text.split(" "))
    (ann, bob, again), (bob_too, ann_too, _) = sent
    assert (ann, bob) == (ann_too, bob_too)
    assert ann == again != bob
    assert all(re.fullmatch(r"\[EMAIL_[1-9]\d{5}\]", name) for name in (ann, bob))


async def test_hashes_outlive_the_process(tmp_path: Path) -> None:
    sent = []
    for _ in range(2):
        async with Yard(tmp_path) as yard:
            provider = yard.provider("openai").says("fine")
            yard.enable("promptguard", mode="hash")
            await yard.open()
            _, secret = await yard.stockyard.keys.create(name="again")
            body = yard.body(f"mail {ANN}", model="gpt-4o")
            headers = {"authorization": f"Bearer {secret}"}
            assert (await yard.call("/v1/chat/completions", body, headers=headers)).status == 200
            sent.append(provider.last.prompt)
    assert sent[0] == sent[1]
    assert ANN not in sent[0]


async def test_a_placeholder_that_the_caller_wrote_keeps_its_meaning() -> None:
    text, _ = await sent(f"what is [EMAIL_1]? I am {ANN}")
    assert text == "what is [EMAIL_1]? I am [EMAIL_2]"
    assert await talk(f"what is [EMAIL_1]? {ANN}", an_answer("[EMAIL_1]")) == "[EMAIL_1]"


async def test_requests_that_differ_only_in_a_value_leave_as_one() -> None:
    first, _ = await sent(f"Write to {ANN}.")
    second, _ = await sent(f"Write to {BOB}.")
    assert first == second
    assert await talk(f"Write to {BOB}.", an_answer("[EMAIL_1]")) == BOB


async def test_parallel_calls_never_get_each_others_values() -> None:
    module = guard(types=["email"])

    async def call(n: int) -> None:
        x = an_exchange(f"I am user{n}@acme.org", id=f"req_{n}")
        await module.on_request(x)
        out = ""
        for piece in ("You are [EM", "AIL_1] "):
            await asyncio.sleep(0)
            out += edited(module, x, TextDelta(key="t", text=piece))
        out += edited(module, x, PartEnded(key="t"))
        assert out == f"You are user{n}@acme.org "

    for start in range(0, 10_000, 2_000):
        await asyncio.gather(*(call(n) for n in range(start, start + 2_000)))


@pytest.mark.parametrize(
    ("config", "prompt", "leaves"),
    [
        ({"types": ["phone"]}, f"{ANN} +49 30 901820", f"{ANN} [PHONE_1]"),
        ({"types": ["url"]}, "see https://acme.org/a", "see [URL_1]"),
        ({"types": ["name"]}, '{"first_name": "Ann"}', '{"first_name": "[NAME_1]"}'),
        ({"types": ["id_pl"]}, "PESEL 44051401359", "PESEL [NATIONAL_ID_1]"),
        ({}, "PESEL 44051401359", "PESEL 44051401359"),
        ({"countries": ["pl"]}, "PESEL 44051401359", "PESEL [NATIONAL_ID_1]"),
        ({"allow": ["@acme.org"]}, f"{ANN} a@b.org", f"{ANN} [EMAIL_1]"),
        ({"allow": ["Ann@acme.org"]}, f"{ANN} {BOB}", f"{ANN} [EMAIL_1]"),
        ({"min_confidence": 0.95}, "from 203.0.113.42", "from 203.0.113.42"),
        (
            {"custom": [{"name": "staff", "pattern": p} for p in (r"S-\d+", r"T-\d+")]},
            "S-12 T-12",
            "[STAFF_1] [STAFF_2]",
        ),
        (
            {"custom": [{"name": "staff", "pattern": r"S-\d+", "luhn": True}]},
            "S-18 S-19",
            "[STAFF_1] S-19",
        ),
    ],
)
async def test_what_to_look_for_can_be_set(
    config: dict[str, Any], prompt: str, leaves: str
) -> None:
    text, _ = await sent(prompt, **config)
    assert text == leaves
