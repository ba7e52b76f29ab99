"""LangChain's models, over the library of the company that the argument names."""

import sys
from typing import Any

from driver import CITY, IMAGE, QUESTION, REPORT, Asked, heard_until_cut, serve
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage

KIND = sys.argv[1]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
MESSAGES = [SystemMessage("Be brief."), HumanMessage(QUESTION)]
FORM = {"title": "place", "description": "A place.", **CITY}


def model(asked: Asked, **more: Any) -> Any:
    if KIND == "anthropic":
        from langchain_anthropic import ChatAnthropic

        more |= {"base_url": asked.url, "api_key": asked.key, "max_retries": 0}
        return ChatAnthropic(model=asked.model, **more)
    if KIND == "google":
        from langchain_google_genai import ChatGoogleGenerativeAI

        more |= {"base_url": asked.url, "google_api_key": asked.key, "max_retries": 0}
        return ChatGoogleGenerativeAI(model=asked.model, **more)
    if KIND == "ollama":
        from langchain_ollama import ChatOllama

        headers = {"authorization": f"Bearer {asked.key}"}
        more |= {"base_url": f"{asked.url}/ollama", "client_kwargs": {"headers": headers}}
        return ChatOllama(model=asked.model, **more)
    from langchain_openai import ChatOpenAI

    more |= {"base_url": f"{asked.url}/v1", "api_key": asked.key, "max_retries": 0}
    if KIND == "responses":
        more |= {"use_responses_api": True}
    return ChatOpenAI(model=asked.model, stream_usage=True, **more)


def calls(message: Any) -> Any:
    return [[call["name"], call["args"]] for call in message.tool_calls]


def text_of(message: Any) -> str:
    return message.text if isinstance(message.text, str) else message.text()


def tokens(usage: Any) -> Any:
    return [usage["input_tokens"], usage["output_tokens"]] if usage else None


def whole(asked: Asked) -> Any:
    answer = model(asked).invoke(MESSAGES)
    return {"text": text_of(answer), "tokens": tokens(answer.usage_metadata)}


def streamed(asked: Asked) -> Any:
    found, total = [], None
    for chunk in model(asked).stream(MESSAGES):
        found += [text_of(chunk)] if text_of(chunk) else []
        total = chunk if total is None else total + chunk
    # Over Anthropic's library it reads the prompt's count from the last event only, where the
    # service repeats it and the scripted provider does not.
    counted = None if KIND == "anthropic" else tokens(total.usage_metadata)
    return {"pieces": found, "tokens": counted}


def tools(asked: Asked) -> Any:
    return {"calls": calls(model(asked).bind_tools(TOOLS).invoke(MESSAGES))}


def parallel(asked: Asked) -> Any:
    total = None
    for chunk in model(asked).bind_tools(TOOLS).stream(MESSAGES):
        total = chunk if total is None else total + chunk
    return {"calls": calls(total)}


def result(asked: Asked) -> Any:
    bound = model(asked).bind_tools(TOOLS)
    message = bound.invoke(MESSAGES)
    told = ToolMessage(REPORT, tool_call_id=message.tool_calls[0]["id"])
    return {"text": text_of(bound.invoke([*MESSAGES, message, told]))}


def structured(asked: Asked) -> Any:
    method = "function_calling" if KIND == "anthropic" else "json_schema"
    return {"value": model(asked).with_structured_output(FORM, method=method).invoke(MESSAGES)}


def image(asked: Asked) -> Any:
    shown = {"type": "image", "base64": IMAGE, "mime_type": "image/png"}
    content: Any = [{"type": "text", "text": "What is this?"}, shown]
    return {"text": text_of(model(asked).invoke([HumanMessage(content)]))}


def reasoning(asked: Asked) -> Any:
    wishes: Any = {
        "anthropic": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096},
        "responses": {"reasoning": {"effort": "medium", "summary": "auto"}, "store": False}
        | {"include": ["reasoning.encrypted_content"]},
        "openai": {"reasoning_effort": "medium"},
        "google": {"include_thoughts": True, "thinking_budget": 2048},
        "ollama": {"reasoning": True},
    }
    thinking = model(asked, **wishes[KIND])
    message = thinking.invoke(MESSAGES)
    blocks = [b for b in message.content_blocks if b["type"] == "reasoning"]
    thought = "".join(block.get("reasoning") or "" for block in blocks) or None
    again = thinking.invoke([*MESSAGES, message, MESSAGES[1]])
    return {"thought": thought, "text": text_of(again)}


def refused(asked: Asked) -> Any:
    return model(asked).invoke(MESSAGES).model_dump()


def cut(asked: Asked) -> Any:
    return heard_until_cut(text_of(chunk) for chunk in model(asked).stream(MESSAGES))


def cancelled(asked: Asked) -> Any:
    chunks = model(asked).stream(MESSAGES)
    first = next(text_of(chunk) for chunk in chunks if text_of(chunk))
    chunks.close()
    return {"text": first}


serve(
    *(whole, streamed, tools, parallel, result, structured, image),
    *(reasoning, refused, cut, cancelled),
)
