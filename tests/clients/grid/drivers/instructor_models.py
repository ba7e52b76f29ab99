"""instructor: structured answers only, in the ways it asks for them; the argument says which."""

import sys
from typing import Any

import instructor
from driver import QUESTION, Asked, serve
from pydantic import BaseModel

MODE = sys.argv[1]


class Place(BaseModel):
    city: str


def ask(asked: Asked, **more: Any) -> Any:
    more |= {"messages": [{"role": "user", "content": QUESTION}], "response_model": Place}
    if MODE.startswith("ANTHROPIC"):
        from anthropic import Anthropic

        inner = Anthropic(base_url=asked.url, api_key=asked.key, max_retries=0)
        client: Any = instructor.from_anthropic(inner, mode=instructor.Mode[MODE])
        return client.create(model=asked.model, max_tokens=4096, max_retries=0, **more)
    from openai import OpenAI

    outer = OpenAI(base_url=f"{asked.url}/v1", api_key=asked.key, max_retries=0)
    client = instructor.from_openai(outer, mode=instructor.Mode[MODE])
    return client.create(model=asked.model, max_retries=0, **more)


def structured(asked: Asked) -> Any:
    return {"value": ask(asked).model_dump()}


def refused(asked: Asked) -> Any:
    return ask(asked).model_dump()


serve(structured, refused)
