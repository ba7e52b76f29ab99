"""The OpenAI library, and Groq's, which is made alike: chat completions.

The argument says which, and if it is to be in Azure's mode.
"""

import json
import sys
from typing import Any

from driver import CITY, IMAGE, QUESTION, REPORT, Asked, heard_until_cut, serve

KIND = sys.argv[1]
AZURE = {"azure": "", "azure_native": "/azure"}
"""Kinds of Azure's mode, and the path of their endpoint."""
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]


def client(asked: Asked) -> Any:
    if KIND == "groq":
        from groq import Groq

        return Groq(base_url=f"{asked.url}/groq", api_key=asked.key, max_retries=0)
    from openai import AzureOpenAI, OpenAI

    if KIND in AZURE:
        endpoint = asked.url + AZURE[KIND]
        more: Any = {"azure_endpoint": endpoint, "api_version": "2024-10-21", "max_retries": 0}
        return AzureOpenAI(api_key=asked.key, **more)

    return OpenAI(base_url=f"{asked.url}/v1", api_key=asked.key, max_retries=0)


def ask(asked: Asked, messages: Any = MESSAGES, **more: Any) -> Any:
    return client(asked).chat.completions.create(model=asked.model, messages=messages, **more)


def calls(message: Any) -> Any:
    return [[c.function.name, json.loads(c.function.arguments)] for c in message.tool_calls]


def pieces(stream: Any) -> Any:
    return (chunk.choices[0].delta.content for chunk in stream if chunk.choices)


def whole(asked: Asked) -> Any:
    answer = ask(asked)
    usage = answer.usage
    tokens = [usage.prompt_tokens, usage.completion_tokens]
    return {"text": answer.choices[0].message.content, "tokens": tokens}


def streamed(asked: Asked) -> Any:
    found, tokens = [], None
    options = {} if KIND == "groq" else {"stream_options": {"include_usage": True}}
    for chunk in ask(asked, stream=True, **options):
        found += [c.delta.content for c in chunk.choices if c.delta.content]
        if getattr(chunk, "usage", None):
            tokens = [chunk.usage.prompt_tokens, chunk.usage.completion_tokens]
    return {"pieces": found, "tokens": tokens}


def tools(asked: Asked) -> Any:
    return {"calls": calls(ask(asked, tools=TOOLS).choices[0].message)}


def parallel(asked: Asked) -> Any:
    found: dict[int, list[str]] = {}
    for chunk in ask(asked, tools=TOOLS, stream=True):
        for call in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            said = found.setdefault(call.index, ["", ""])
            said[0] += call.function.name or ""
            said[1] += call.function.arguments or ""
    return {"calls": [[name, json.loads(arguments)] for name, arguments in found.values()]}


def result(asked: Asked) -> Any:
    message = ask(asked, tools=TOOLS).choices[0].message
    told = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": REPORT}
    history = [*MESSAGES, message.model_dump(exclude_none=True), told]
    return {"text": ask(asked, history, tools=TOOLS).choices[0].message.content}


def structured(asked: Asked) -> Any:
    form = {"name": "place", "schema": CITY, "strict": True}
    answer = ask(asked, response_format={"type": "json_schema", "json_schema": form})
    return {"value": json.loads(answer.choices[0].message.content)}


def image(asked: Asked) -> Any:
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}
    content = [{"type": "text", "text": "What is this?"}, shown]
    return {"text": ask(asked, [{"role": "user", "content": content}]).choices[0].message.content}


def reasoning(asked: Asked) -> Any:
    message = ask(asked, reasoning_effort="medium").choices[0].message
    thought = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None)
    history = [*MESSAGES, message.model_dump(exclude_none=True), MESSAGES[1]]
    again = ask(asked, history, reasoning_effort="medium")
    return {"thought": thought, "text": again.choices[0].message.content}


def refused(asked: Asked) -> Any:
    return ask(asked).model_dump()


def cut(asked: Asked) -> Any:
    return heard_until_cut(pieces(ask(asked, stream=True)))


def cancelled(asked: Asked) -> Any:
    stream = ask(asked, stream=True)
    first = next(piece for piece in pieces(stream) if piece)
    stream.close()
    return {"text": first}


def models(asked: Asked) -> Any:
    return {"models": [model.id for model in client(asked).models.list().data]}


serve(
    *(whole, streamed, tools, parallel, result, structured, image),
    *(reasoning, refused, cut, cancelled, models),
)
