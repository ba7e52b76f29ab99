"""The OpenAI library: Responses. The argument says if it is to be in Azure's mode."""

import json
import sys
from typing import Any

from driver import CITY, IMAGE, QUESTION, REPORT, Asked, heard_until_cut, serve
from openai import AzureOpenAI, OpenAI

KIND = sys.argv[1]
TOOLS = [{"type": "function", "name": "weather", "parameters": CITY, "strict": False}]


def client(asked: Asked) -> OpenAI:
    if KIND == "azure":
        more: Any = {"azure_endpoint": asked.url, "api_version": "preview", "max_retries": 0}
        return AzureOpenAI(api_key=asked.key, **more)
    return OpenAI(base_url=f"{asked.url}/v1", api_key=asked.key, max_retries=0)


def ask(asked: Asked, input_: Any = QUESTION, **more: Any) -> Any:
    return client(asked).responses.create(
        model=asked.model, instructions="Be brief.", input=input_, store=False, **more
    )


def calls(output: Any) -> Any:
    found = [item for item in output if item.type == "function_call"]
    return [[item.name, json.loads(item.arguments)] for item in found]


def pieces(stream: Any) -> Any:
    for event in stream:
        if event.type == "response.output_text.delta":
            yield event.delta
        if event.type in ("error", "response.failed"):
            raise RuntimeError(event.type)


def whole(asked: Asked) -> Any:
    answer = ask(asked)
    tokens = [answer.usage.input_tokens, answer.usage.output_tokens]
    return {"text": answer.output_text, "tokens": tokens}


def streamed(asked: Asked) -> Any:
    found, last = [], None
    for last in ask(asked, stream=True):
        if last.type == "response.output_text.delta":
            found.append(last.delta)
    usage = last.response.usage
    return {"pieces": found, "tokens": [usage.input_tokens, usage.output_tokens]}


def tools(asked: Asked) -> Any:
    return {"calls": calls(ask(asked, tools=TOOLS).output)}


def parallel(asked: Asked) -> Any:
    with client(asked).responses.stream(model=asked.model, input=QUESTION, tools=TOOLS) as stream:
        stream.until_done()
        return {"calls": calls(stream.get_final_response().output)}


def result(asked: Asked) -> Any:
    first = ask(asked, tools=TOOLS)
    call = next(item for item in first.output if item.type == "function_call")
    told = {"type": "function_call_output", "call_id": call.call_id, "output": REPORT}
    history = [{"role": "user", "content": QUESTION}, *first.output, told]
    return {"text": ask(asked, history, tools=TOOLS).output_text}


def structured(asked: Asked) -> Any:
    form = {"type": "json_schema", "name": "place", "schema": CITY, "strict": True}
    return {"value": json.loads(ask(asked, text={"format": form}).output_text)}


def image(asked: Asked) -> Any:
    shown = {"type": "input_image", "image_url": f"data:image/png;base64,{IMAGE}", "detail": "auto"}
    content = [{"type": "input_text", "text": "What is this?"}, shown]
    return {"text": ask(asked, [{"role": "user", "content": content}]).output_text}


def reasoning(asked: Asked) -> Any:
    more: Any = {"reasoning": {"effort": "medium", "summary": "auto"}}
    more["include"] = ["reasoning.encrypted_content"]
    first = ask(asked, **more)
    thoughts = [item for item in first.output if item.type == "reasoning"]
    thought = "".join(part.text for item in thoughts for part in item.summary)
    user = {"role": "user", "content": QUESTION}
    return {"thought": thought, "text": ask(asked, [user, *first.output, user], **more).output_text}


def refused(asked: Asked) -> Any:
    return ask(asked).model_dump()


def cut(asked: Asked) -> Any:
    return heard_until_cut(pieces(ask(asked, stream=True)))


def cancelled(asked: Asked) -> Any:
    stream = ask(asked, stream=True)
    first = next(pieces(stream))
    stream.close()
    return {"text": first}


def models(asked: Asked) -> Any:
    return {"models": [model.id for model in client(asked).models.list()]}


serve(
    *(whole, streamed, tools, parallel, result, structured, image),
    *(reasoning, refused, cut, cancelled, models),
)
