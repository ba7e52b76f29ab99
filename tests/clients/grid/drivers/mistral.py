"""Mistral's library."""

import json
from typing import Any

from driver import CITY, IMAGE, QUESTION, REPORT, Asked, heard_until_cut, serve
from mistralai.client import Mistral

TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
MESSAGES: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]


def client(asked: Asked) -> Any:
    return Mistral(server_url=asked.url, api_key=asked.key)


def ask(asked: Asked, messages: Any = MESSAGES, **more: Any) -> Any:
    return client(asked).chat.complete(model=asked.model, messages=messages, **more)


def stream(asked: Asked, **more: Any) -> Any:
    return client(asked).chat.stream(model=asked.model, messages=MESSAGES, **more)


def plain(arguments: Any) -> Any:
    return json.loads(arguments) if isinstance(arguments, str) else arguments


def calls(message: Any) -> Any:
    return [[c.function.name, plain(c.function.arguments)] for c in message.tool_calls]


def pieces(events: Any) -> Any:
    return (event.data.choices[0].delta.content for event in events if event.data.choices)


def tokens(usage: Any) -> Any:
    return [usage.prompt_tokens, usage.completion_tokens] if usage else None


def whole(asked: Asked) -> Any:
    answer = ask(asked)
    return {"text": answer.choices[0].message.content, "tokens": tokens(answer.usage)}


def streamed(asked: Asked) -> Any:
    found, usage = [], None
    for event in stream(asked):
        found += [c.delta.content for c in event.data.choices if c.delta.content]
        usage = event.data.usage or usage
    return {"pieces": found, "tokens": tokens(usage)}


def tools(asked: Asked) -> Any:
    return {"calls": calls(ask(asked, tools=TOOLS).choices[0].message)}


def parallel(asked: Asked) -> Any:
    found: dict[int, list[str]] = {}
    for event in stream(asked, tools=TOOLS):
        for choice in event.data.choices:
            for call in choice.delta.tool_calls or ():
                said = found.setdefault(call.index, ["", ""])
                said[0] += call.function.name or ""
                said[1] += call.function.arguments or ""
    return {"calls": [[name, json.loads(arguments)] for name, arguments in found.values()]}


def result(asked: Asked) -> Any:
    message = ask(asked, tools=TOOLS).choices[0].message
    call = message.tool_calls[0]
    told = {"role": "tool", "name": "weather", "content": REPORT, "tool_call_id": call.id}
    again = ask(asked, [*MESSAGES, message, told], tools=TOOLS)
    return {"text": again.choices[0].message.content}


def structured(asked: Asked) -> Any:
    form: Any = {"type": "json_schema"}
    form["json_schema"] = {"name": "place", "schema_definition": CITY, "strict": True}
    return {"value": json.loads(ask(asked, response_format=form).choices[0].message.content)}


def image(asked: Asked) -> Any:
    shown = {"type": "image_url", "image_url": f"data:image/png;base64,{IMAGE}"}
    content = [{"type": "text", "text": "What is this?"}, shown]
    return {"text": ask(asked, [{"role": "user", "content": content}]).choices[0].message.content}


def refused(asked: Asked) -> Any:
    return ask(asked).model_dump()


def cut(asked: Asked) -> Any:
    return heard_until_cut(pieces(stream(asked)))


def cancelled(asked: Asked) -> Any:
    events = stream(asked)
    first = next(piece for piece in pieces(events) if piece)
    events.response.close()
    return {"text": first}


def models(asked: Asked) -> Any:
    # It knows only models that say what they can; others it keeps as they came.
    return {"models": [str(model) for model in client(asked).models.list().data]}


serve(
    *(whole, streamed, tools, parallel, result, structured, image),
    *(refused, cut, cancelled, models),
)
