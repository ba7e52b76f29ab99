"""Builders for promptguard."""

from functools import cache
from typing import Any

import msgspec

from stockyard.core.events import ArgumentsDelta, Event, TextDelta
from stockyard.core.exchange import Exchange
from stockyard.core.response import Response
from stockyard.core.stream import Answer
from stockyard.modules.safety.promptguard import Config, PromptGuard
from tests.builders import Provider, an_answer, an_exchange, some_ports, through

ANN, BOB = "ann@acme.org", "bob@acme.org"


@cache
def default() -> PromptGuard:
    return PromptGuard(Config(), some_ports())


def guard(**config: Any) -> PromptGuard:
    return PromptGuard(msgspec.convert(config, Config), some_ports()) if config else default()


def edited(module: PromptGuard, x: Exchange, *events: Event) -> str:
    """The text that comes out for these Events."""
    out = ""
    for event in events:
        result = module.on_chunk(x, event)
        for each in result if isinstance(result, list) else [result]:
            out += each.text if isinstance(each, TextDelta | ArgumentsDelta) else ""
    return out


async def sent(prompt: str, **config: Any) -> tuple[str, Exchange]:
    x = an_exchange(prompt)
    await through(x, Provider(an_answer()), guard(**config))
    return x.request.messages[0].text, x


async def talk(prompt: str, answer: Answer, **config: Any) -> str:
    response = await through(an_exchange(prompt), Provider(answer), guard(**config))
    assert isinstance(response, Response)
    return response.text


def noted(x: Exchange, action: str) -> list[dict[str, Any]]:
    return [f.detail for f in x.findings if f.action == action and f.detail is not None]
