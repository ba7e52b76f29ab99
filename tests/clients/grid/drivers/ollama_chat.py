"""Ollama's library."""

import json
from typing import Any

import ollama
from driver import CITY, IMAGE, QUESTION, REPORT, Asked, heard_until_cut, serve

TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
MESSAGES: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]


def client(asked: Asked) -> Any:
    return ollama.Client(f"{asked.url}/ollama", headers={"authorization": f"Bearer {asked.key}"})


def ask(asked: Asked, messages: Any = MESSAGES, **more: Any) -> Any:
    return client(asked).chat(asked.model, messages, **more)


def calls(message: Any) -> Any:
    return [[c.function.name, dict(c.function.arguments)] for c in message.tool_calls or ()]


def whole(asked: Asked) -> Any:
    answer = ask(asked)
    return {"text": answer.message.content, "tokens": [answer.prompt_eval_count, answer.eval_count]}


def streamed(asked: Asked) -> Any:
    chunks = list(ask(asked, stream=True))
    found = [chunk.message.content for chunk in chunks if chunk.message.content]
    return {"pieces": found, "tokens": [chunks[-1].prompt_eval_count, chunks[-1].eval_count]}


def tools(asked: Asked) -> Any:
    return {"calls": calls(ask(asked, tools=TOOLS).message)}


def parallel(asked: Asked) -> Any:
    chunks = ask(asked, tools=TOOLS, stream=True)
    return {"calls": [call for chunk in chunks for call in calls(chunk.message)]}


def result(asked: Asked) -> Any:
    message = ask(asked, tools=TOOLS).message
    told = {"role": "tool", "tool_name": "weather", "content": REPORT}
    return {"text": ask(asked, [*MESSAGES, message, told], tools=TOOLS).message.content}


def structured(asked: Asked) -> Any:
    return {"value": json.loads(ask(asked, format=CITY).message.content)}


def image(asked: Asked) -> Any:
    shown = {"role": "user", "content": "What is this?", "images": [IMAGE]}
    return {"text": ask(asked, [shown]).message.content}


def reasoning(asked: Asked) -> Any:
    message = ask(asked, think=True).message
    again = ask(asked, [*MESSAGES, message, MESSAGES[1]], think=True)
    return {"thought": message.thinking, "text": again.message.content}


def refused(asked: Asked) -> Any:
    return ask(asked).model_dump()


def cut(asked: Asked) -> Any:
    return heard_until_cut(chunk.message.content for chunk in ask(asked, stream=True))


def cancelled(asked: Asked) -> Any:
    chunks = ask(asked, stream=True)
    first = next(chunks).message.content
    chunks.close()
    return {"text": first}


def models(asked: Asked) -> Any:
    return {"models": [model.model for model in client(asked).list().models]}


serve(
    *(whole, streamed, tools, parallel, result, structured, image),
    *(reasoning, refused, cut, cancelled, models),
)
