"""Builders for the mock."""

from stockyard.core.exchange import Exchange
from stockyard.core.response import Response
from stockyard.modules.forge.mockllm import MockLlm
from tests.builders import Provider, an_answer, through


async def said(module: MockLlm, x: Exchange) -> str:
    answer = await through(x, Provider(an_answer("the provider")), module)
    assert isinstance(answer, Response)
    return answer.text
