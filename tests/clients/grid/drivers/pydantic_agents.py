"""pydantic-ai: the argument says which of its models."""

import asyncio
import base64
import sys
from typing import Any

from driver import IMAGE, QUESTION, REPORT, Asked, serve
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, ModelRequestNode
from pydantic_ai.messages import ThinkingPart

KIND = sys.argv[1]
CALLED: list[list[Any]] = []


class Place(BaseModel):
    city: str


def model(asked: Asked) -> Any:
    if KIND == "anthropic":
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        inner = AsyncAnthropic(base_url=asked.url, api_key=asked.key, max_retries=0)
        return AnthropicModel(asked.model, provider=AnthropicProvider(anthropic_client=inner))
    if KIND == "google":
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        provider = GoogleProvider(api_key=asked.key, base_url=asked.url)
        return GoogleModel(asked.model, provider=provider)
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(base_url=f"{asked.url}/v1", api_key=asked.key, max_retries=0)
    kind = OpenAIResponsesModel if KIND == "responses" else OpenAIChatModel
    return kind(asked.model, provider=OpenAIProvider(openai_client=client))


def agent(asked: Asked, **more: Any) -> Any:
    return Agent(model(asked), instructions="Be brief.", retries=0, **more)


def weather(city: str) -> str:
    """How the weather is in a city."""
    CALLED.append(["weather", {"city": city}])
    return REPORT


def tokens(run: Any) -> Any:
    usage = run.usage() if callable(run.usage) else run.usage
    return [usage.input_tokens, usage.output_tokens]


def whole(asked: Asked) -> Any:
    run = agent(asked).run_sync(QUESTION)
    return {"text": run.output, "tokens": tokens(run)}


def streamed(asked: Asked) -> Any:
    async def play() -> Any:
        async with agent(asked).run_stream(QUESTION) as run:
            found = [piece async for piece in run.stream_text(delta=True, debounce_by=None)]
            return {"pieces": found, "tokens": tokens(run)}

    return asyncio.run(play())


def result(asked: Asked) -> Any:
    CALLED.clear()
    return {"text": agent(asked, tools=[weather]).run_sync(QUESTION).output, "calls": CALLED}


def structured(asked: Asked) -> Any:
    return {"value": agent(asked, output_type=Place).run_sync(QUESTION).output.model_dump()}


def image(asked: Asked) -> Any:
    shown = BinaryContent(base64.b64decode(IMAGE), media_type="image/png")
    return {"text": agent(asked).run_sync(["What is this?", shown]).output}


def reasoning(asked: Asked) -> Any:
    settings: Any = {
        "anthropic": {"anthropic_thinking": {"type": "enabled", "budget_tokens": 1024}},
        "google": {"google_thinking_config": {"include_thoughts": True}},
        "responses": {
            "openai_reasoning_effort": "medium",
            "openai_reasoning_summary": "auto",
            "openai_store": False,
        },
        "openai": {"openai_reasoning_effort": "medium"},
    }[KIND] | {"max_tokens": 4096}
    thinker = agent(asked, model_settings=settings)
    first = thinker.run_sync(QUESTION)
    parts = [part for message in first.all_messages() for part in message.parts]
    thought = "".join(part.content for part in parts if isinstance(part, ThinkingPart)) or None
    again = thinker.run_sync(QUESTION, message_history=first.all_messages())
    return {"thought": thought, "text": again.output}


def refused(asked: Asked) -> Any:
    return agent(asked).run_sync(QUESTION).output


def cut(asked: Asked) -> Any:
    text = ""

    async def play() -> None:
        nonlocal text
        async with agent(asked).run_stream(QUESTION) as run:
            async for piece in run.stream_text(delta=True, debounce_by=None):
                text += piece

    try:
        asyncio.run(play())
    except Exception as error:
        return {"text": text, "raised": type(error).__name__}
    return {"text": text, "raised": None}


def cancelled(asked: Asked) -> Any:
    async def play() -> str:
        async with agent(asked).iter(QUESTION) as run:
            async for node in run:
                if isinstance(node, ModelRequestNode):
                    async with node.stream(run.ctx) as stream:
                        async for piece in stream.stream_text(delta=True, debounce_by=None):
                            return str(piece)
        return ""

    return {"text": asyncio.run(play())}


serve(whole, streamed, result, structured, image, reasoning, refused, cut, cancelled)
