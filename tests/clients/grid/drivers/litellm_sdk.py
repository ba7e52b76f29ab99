"""The LiteLLM library, by the prefix of the model: the argument names the format it speaks."""

import gc
import json
import sys
from typing import Any

from driver import CITY, IMAGE, QUESTION, REPORT, Asked, heard_until_cut, serve

import litellm  # isort: skip

litellm.telemetry = False
litellm.suppress_debug_info = True
BASES = {
    "openai": "/v1",
    "litellm_proxy": "/v1",
    "mistral": "/v1",
    "anthropic": "",
    "gemini": "/v1beta",
    "cohere_chat": "/v2/chat",
    "ollama_chat": "/ollama",
}
PREFIX = sys.argv[1]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]


def ask(asked: Asked, messages: Any = MESSAGES, **more: Any) -> Any:
    # If a stream that nobody closed is collected as httpx opens another, that waits for itself.
    gc.collect()
    return litellm.completion(
        model=f"{PREFIX}/{asked.model}",
        messages=messages,
        api_base=asked.url + BASES[PREFIX],
        api_key=asked.key,
        num_retries=0,
        max_retries=0,
        allowed_openai_params=["reasoning_effort", "tools", "response_format"],
        **more,
    )


def calls(message: Any) -> Any:
    return [[c.function.name, json.loads(c.function.arguments)] for c in message.tool_calls]


def pieces(stream: Any) -> Any:
    return (chunk.choices[0].delta.content for chunk in stream if chunk.choices)


def whole(asked: Asked) -> Any:
    answer = ask(asked)
    tokens = [answer.usage.prompt_tokens, answer.usage.completion_tokens]
    return {"text": answer.choices[0].message.content, "tokens": tokens}


def streamed(asked: Asked) -> Any:
    found, tokens = [], None
    for chunk in ask(asked, stream=True, stream_options={"include_usage": True}):
        found += [c.delta.content for c in chunk.choices if c.delta.content]
        if usage := getattr(chunk, "usage", None):
            tokens = [usage.prompt_tokens, usage.completion_tokens]
    # Mistral's are not asked for: it makes an estimate instead.
    tokens = None if PREFIX == "mistral" else tokens
    return {"pieces": found, "tokens": tokens}


def tools(asked: Asked) -> Any:
    return {"calls": calls(ask(asked, tools=TOOLS).choices[0].message)}


def parallel(asked: Asked) -> Any:
    chunks = list(ask(asked, tools=TOOLS, stream=True))
    return {"calls": calls(litellm.stream_chunk_builder(chunks).choices[0].message)}


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
    message = ask(asked, reasoning_effort="low").choices[0].message
    thought = getattr(message, "reasoning_content", None)
    history = [*MESSAGES, message.model_dump(exclude_none=True), MESSAGES[1]]
    again = ask(asked, history, reasoning_effort="low")
    return {"thought": thought, "text": again.choices[0].message.content}


def refused(asked: Asked) -> Any:
    return ask(asked).model_dump()


def cut(asked: Asked) -> Any:
    return heard_until_cut(pieces(ask(asked, stream=True)))


def cancelled(asked: Asked) -> Any:
    stream = ask(asked, stream=True)
    first = next(piece for piece in pieces(stream) if piece)
    inner = stream.completion_stream
    (inner if hasattr(inner, "close") else inner.streaming_response).close()
    return {"text": first}


serve(
    *(whole, streamed, tools, parallel, result, structured, image),
    *(reasoning, refused, cut, cancelled),
)
