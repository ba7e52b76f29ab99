"""The Anthropic library: Messages. The argument says if in Bedrock's or Vertex's mode."""

import json
import sys
from typing import Any

from driver import CITY, IMAGE, QUESTION, REPORT, Asked, heard_until_cut, serve

KIND = sys.argv[1]
TOOLS = [{"name": "weather", "input_schema": CITY}]
MESSAGES = [{"role": "user", "content": QUESTION}]


def client(asked: Asked) -> Any:
    if KIND == "bedrock":
        from anthropic import AnthropicBedrock

        more: Any = {"api_key": asked.key, "aws_region": "eu-west-1", "max_retries": 0}
        return AnthropicBedrock(base_url=asked.url, **more)
    if KIND == "vertex":
        from anthropic import AnthropicVertex

        more = {"access_token": asked.key, "region": "us-east5", "project_id": "p-1"}
        return AnthropicVertex(base_url=f"{asked.url}/v1", max_retries=0, **more)
    from anthropic import Anthropic

    return Anthropic(base_url=asked.url, api_key=asked.key, max_retries=0)


def ask(asked: Asked, messages: Any = MESSAGES, **more: Any) -> Any:
    limits = {"max_tokens": 4096, "system": "Be brief."} | more
    return client(asked).messages.create(model=asked.model, messages=messages, **limits)


def text_of(answer: Any) -> str:
    return "".join(block.text for block in answer.content if block.type == "text")


def calls(answer: Any) -> Any:
    return [[b.name, b.input] for b in answer.content if b.type == "tool_use"]


def pieces(stream: Any) -> Any:
    for event in stream:
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            yield event.delta.text


def whole(asked: Asked) -> Any:
    answer = ask(asked)
    tokens = [answer.usage.input_tokens, answer.usage.output_tokens]
    return {"text": text_of(answer), "tokens": tokens}


def streamed(asked: Asked) -> Any:
    more: Any = {"model": asked.model, "messages": MESSAGES, "max_tokens": 4096}
    with client(asked).messages.stream(**more) as stream:
        found = list(stream.text_stream)
        usage = stream.get_final_message().usage
    return {"pieces": found, "tokens": [usage.input_tokens, usage.output_tokens]}


def tools(asked: Asked) -> Any:
    return {"calls": calls(ask(asked, tools=TOOLS))}


def parallel(asked: Asked) -> Any:
    more: Any = {"model": asked.model, "messages": MESSAGES, "max_tokens": 4096, "tools": TOOLS}
    with client(asked).messages.stream(**more) as stream:
        return {"calls": calls(stream.get_final_message())}


def result(asked: Asked) -> Any:
    first = ask(asked, tools=TOOLS)
    call = next(block for block in first.content if block.type == "tool_use")
    told = {"type": "tool_result", "tool_use_id": call.id, "content": REPORT}
    said = {"role": "assistant", "content": first.content}
    history = [*MESSAGES, said, {"role": "user", "content": [told]}]
    return {"text": text_of(ask(asked, history, tools=TOOLS))}


def structured(asked: Asked) -> Any:
    form = {"format": {"type": "json_schema", "schema": CITY}}
    return {"value": json.loads(text_of(ask(asked, output_config=form)))}


def image(asked: Asked) -> Any:
    source = {"type": "base64", "media_type": "image/png", "data": IMAGE}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    return {"text": text_of(ask(asked, [{"role": "user", "content": content}]))}


def reasoning(asked: Asked) -> Any:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    first = ask(asked, thinking=thinking)
    thought = "".join(b.thinking for b in first.content if b.type == "thinking")
    said = {"role": "assistant", "content": first.content}
    again = ask(asked, [*MESSAGES, said, *MESSAGES], thinking=thinking)
    return {"thought": thought, "text": text_of(again)}


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
    *(reasoning, refused, cut, cancelled),
    *([models] if KIND == "anthropic" else []),
)
