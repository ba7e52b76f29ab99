"""Cohere's library: the V2 client."""

import json
from typing import Any

import cohere
from driver import CITY, IMAGE, QUESTION, REPORT, Asked, heard_until_cut, serve

TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
MESSAGES: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]
ONCE: Any = {"max_retries": 0}


def client(asked: Asked) -> Any:
    return cohere.ClientV2(api_key=asked.key, base_url=asked.url)


def ask(asked: Asked, messages: Any = MESSAGES, **more: Any) -> Any:
    return client(asked).chat(model=asked.model, messages=messages, request_options=ONCE, **more)


def stream(asked: Asked, **more: Any) -> Any:
    more |= {"model": asked.model, "messages": MESSAGES, "request_options": ONCE}
    return client(asked).chat_stream(**more)


def text_of(answer: Any) -> str:
    return "".join(part.text for part in answer.message.content or () if part.type == "text")


def calls(message: Any) -> Any:
    return [[c.function.name, json.loads(c.function.arguments)] for c in message.tool_calls]


def pieces(events: Any) -> Any:
    for event in events:
        if event.type == "content-delta":
            yield event.delta.message.content.text
        if event.type == "message-end" and event.delta.finish_reason == "ERROR":
            raise RuntimeError("the only word this library has for a stream that broke")


def tokens(usage: Any) -> Any:
    return [int(usage.tokens.input_tokens), int(usage.tokens.output_tokens)]


def whole(asked: Asked) -> Any:
    answer = ask(asked)
    return {"text": text_of(answer), "tokens": tokens(answer.usage)}


def streamed(asked: Asked) -> Any:
    found, usage = [], None
    for event in stream(asked):
        if event.type == "content-delta":
            found.append(event.delta.message.content.text)
        if event.type == "message-end":
            usage = event.delta.usage
    return {"pieces": found, "tokens": tokens(usage)}


def tools(asked: Asked) -> Any:
    return {"calls": calls(ask(asked, tools=TOOLS).message)}


def parallel(asked: Asked) -> Any:
    found: dict[int, list[str]] = {}
    for event in stream(asked, tools=TOOLS):
        if event.type == "tool-call-start":
            function = event.delta.message.tool_calls.function
            found[event.index] = [function.name, function.arguments or ""]
        if event.type == "tool-call-delta":
            found[event.index][1] += event.delta.message.tool_calls.function.arguments
    return {"calls": [[name, json.loads(arguments)] for name, arguments in found.values()]}


def result(asked: Asked) -> Any:
    message = ask(asked, tools=TOOLS).message
    told = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": REPORT}
    return {"text": text_of(ask(asked, [*MESSAGES, message, told], tools=TOOLS))}


def structured(asked: Asked) -> Any:
    form: Any = {"type": "json_object", "schema": CITY}
    return {"value": json.loads(text_of(ask(asked, response_format=form)))}


def image(asked: Asked) -> Any:
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}
    content = [{"type": "text", "text": "What is this?"}, shown]
    return {"text": text_of(ask(asked, [{"role": "user", "content": content}]))}


def reasoning(asked: Asked) -> Any:
    thinking: Any = {"type": "enabled", "token_budget": 2048}
    message = ask(asked, thinking=thinking).message
    thought = "".join(part.thinking for part in message.content if part.type == "thinking")
    again = ask(asked, [*MESSAGES, message, MESSAGES[1]], thinking=thinking)
    return {"thought": thought, "text": text_of(again)}


def refused(asked: Asked) -> Any:
    return ask(asked).model_dump()


def cut(asked: Asked) -> Any:
    return heard_until_cut(pieces(stream(asked)))


def cancelled(asked: Asked) -> Any:
    events = stream(asked)
    first = next(pieces(events))
    events.close()
    return {"text": first}


def models(asked: Asked) -> Any:
    return {"models": [model.name for model in client(asked).models.list().models]}


serve(
    *(whole, streamed, tools, parallel, result, structured, image),
    *(reasoning, refused, cut, cancelled, models),
)
