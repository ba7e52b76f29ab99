"""Google's Gen AI library."""

import base64
import json
import warnings
from typing import Any

from driver import CITY, IMAGE, QUESTION, REPORT, Asked, heard_until_cut, serve

warnings.simplefilter("ignore")
from google import genai  # noqa: E402  it warns while it is imported
from google.genai import types  # noqa: E402  after the warnings are off

TOOLS = [{"function_declarations": [{"name": "weather", "parameters_json_schema": CITY}]}]
OPEN: list[Any] = []
"""Clients close their connections when nobody holds them."""


def client(asked: Asked) -> Any:
    options = {"base_url": asked.url, "api_version": "v1beta", "retry_options": {"attempts": 1}}
    OPEN.append(genai.Client(api_key=asked.key, http_options=options))
    return OPEN[-1]


def ask(asked: Asked, contents: Any = QUESTION, **config: Any) -> Any:
    config = {"system_instruction": "Be brief."} | config
    more: Any = {"model": asked.model, "contents": contents, "config": config}
    return client(asked).models.generate_content(**more)


def stream(asked: Asked, **config: Any) -> Any:
    more: Any = {"model": asked.model, "contents": QUESTION, "config": config}
    return client(asked).models.generate_content_stream(**more)


def tokens(usage: Any) -> Any:
    return [usage.prompt_token_count, usage.candidates_token_count]


def whole(asked: Asked) -> Any:
    answer = ask(asked)
    return {"text": answer.text, "tokens": tokens(answer.usage_metadata)}


def streamed(asked: Asked) -> Any:
    found, usage = [], None
    for chunk in stream(asked):
        found += [chunk.text] if chunk.text else []
        usage = chunk.usage_metadata or usage
    return {"pieces": found, "tokens": tokens(usage)}


def tools(asked: Asked) -> Any:
    answer = ask(asked, tools=TOOLS)
    return {"calls": [[call.name, call.args] for call in answer.function_calls]}


def parallel(asked: Asked) -> Any:
    found = []
    for chunk in stream(asked, tools=TOOLS):
        found += [[call.name, call.args] for call in chunk.function_calls or ()]
    return {"calls": found}


def result(asked: Asked) -> Any:
    first = ask(asked, tools=TOOLS)
    call = first.function_calls[0]
    told = types.FunctionResponse(id=call.id, name=call.name, response={"result": REPORT})
    user = types.Content(role="user", parts=[types.Part(text=QUESTION)])
    reply = types.Content(role="user", parts=[types.Part(function_response=told)])
    return {"text": ask(asked, [user, first.candidates[0].content, reply], tools=TOOLS).text}


def structured(asked: Asked) -> Any:
    form = {"response_mime_type": "application/json", "response_json_schema": CITY}
    return {"value": json.loads(ask(asked, **form).text)}


def image(asked: Asked) -> Any:
    shown = types.Part.from_bytes(data=base64.b64decode(IMAGE), mime_type="image/png")
    return {"text": ask(asked, ["What is this?", shown]).text}


def reasoning(asked: Asked) -> Any:
    config: Any = {"thinking_config": {"include_thoughts": True, "thinking_budget": 2048}}
    first = ask(asked, **config)
    said = first.candidates[0].content
    thought = "".join(part.text for part in said.parts if part.thought)
    user = types.Content(role="user", parts=[types.Part(text=QUESTION)])
    return {"thought": thought, "text": ask(asked, [user, said, user], **config).text}


def refused(asked: Asked) -> Any:
    return ask(asked).model_dump()


def cut(asked: Asked) -> Any:
    return heard_until_cut(chunk.text for chunk in stream(asked))


def cancelled(asked: Asked) -> Any:
    chunks = stream(asked)
    first = next(chunks).text
    chunks.close()
    OPEN.pop().close()
    return {"text": first}


def models(asked: Asked) -> Any:
    return {"models": [model.name for model in client(asked).models.list()]}


serve(
    *(whole, streamed, tools, parallel, result, structured, image),
    *(reasoning, refused, cut, cancelled, models),
)
