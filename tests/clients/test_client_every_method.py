"""Every method of the official libraries for Python, on the providers' own routes.

A method is called twice: at the provider, and through the gateway with the caller's own secret.
What arrives there and what the library makes of the answer must be the same.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from stockyard.testing import ReceivedRequest, ScriptedProvider
from stockyard.testing.yard import Yard

ANSWER = json.dumps({"id": "made_1", "object": "list", "data": [], "has_more": False}).encode()
ANSWERED = {"content-type": "application/json", "x-odd": "1"}

BUILT_ON_OTHERS = re.compile(
    r"poll|stream|parse|chunked|connect|unwrap|verify|helper|runner|worker|\bwith_|wait|submit_tool"
    r"|_sdk_|^_|\._|create_and_run"
)
"""They call methods that are called here, or nobody at all."""
FILE = ("a.txt", b"hi", "text/plain")
WORTH: dict[str, Any] = {
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 5,
    "bytes": 5,
    "seconds": 5,
    "start_time": 5,
    "requests": [{"custom_id": "a", "params": {}}],
    "stream": False,
}
"""What a parameter gets that nobody may leave out. All others get a file or a word."""
UNUSABLE = (TypeError, ValueError, AttributeError, RuntimeError)
"""What a library raises that cannot make a request of a word."""
BETWEEN_TWO = frozenset({"host", "authorization", "x-api-key", "accept-encoding", "connection"})
REFUSED = re.compile(
    r"/v1/(?:organizations?|realtime/(?:\w+/)?client_secrets|realtime/(?:\w+_)?sessions|chatkit/sessions"
    r"|fine_tuning/checkpoints|oauth|projects|safety|webhook_endpoints|tunnels/\w+/\w+_token)\b"
)
"""Account management, and secrets that would lead past the gateway."""

CLIENTS: dict[str, tuple[Callable[..., Any], str, str, int]] = {
    "openai": (AsyncOpenAI, "/v1", "sk-proj-of-the-caller-0123456789", 220),
    "anthropic": (AsyncAnthropic, "", "sk-ant-of-the-caller-0123456789", 120),
}
"""Provider -> its client, the path of its base URL, a secret, and how many methods there are."""


def methods(resource: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Name and function of everything that may be called, below everything that holds it."""
    for name in sorted(n for n in dir(type(resource)) if not n.startswith("_")):
        place = f"{path}{name}"
        if BUILT_ON_OTHERS.search(place) or (not path and name in ("copy", "close", "options")):
            continue
        found = getattr(resource, name, None)
        if inspect.ismethod(found):
            if path:
                yield place, found
        elif ".resources." in type(found).__module__:
            yield from methods(found, place + ".")


def needed(method: Any) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for what a method cannot do without."""
    first: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            continue
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        worth = WORTH.get(name, f"a_{name}")
        if "FileTypes" in str(parameter.annotation):
            worth = [FILE] if name.endswith("s") else FILE
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = worth
        else:
            first.append(worth)
    return first, named


async def outcome(method: Any) -> tuple[str, object]:
    """What a caller has of it: the class and all it says, or the error."""
    first, named = needed(method)
    try:
        made = method(*first, **named)
        answer = await made if inspect.isawaitable(made) else made
    except (openai.OpenAIError, anthropic.AnthropicError, *UNUSABLE) as error:
        return type(error).__name__, str(error)
    dump = getattr(answer, "model_dump_json", None)
    return type(answer).__name__, dump(warnings=False) if dump else getattr(answer, "content", "")


def seen(request: ReceivedRequest) -> object:
    """A request without what may differ: what is between two neighbours, and random boundaries."""
    fields = {
        name: value
        for name, value in request.headers.items()
        if name not in BETWEEN_TWO and not name.startswith("x-stainless-")
    }
    boundary = re.search(r"boundary=(\S+)", fields.get("content-type", ""))
    body = request.body
    if boundary is not None:
        body = body.replace(boundary[1].encode(), b"BOUNDARY")
        fields["content-type"] = "multipart/form-data"
        fields.pop("content-length", None)
    return request.method, request.target, fields, body


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", CLIENTS)
async def test_nobody_can_tell_the_gateway_from_the_provider(yard: Yard, name: str) -> None:
    make, base, secret, at_least = CLIENTS[name]
    upstream: ScriptedProvider = yard.provider(name).sends(200, ANSWERED, ANSWER)
    await yard.open()
    keys = {"admin_api_key": secret} if name == "openai" else {}
    called = 0
    async with (
        make(base_url=upstream.url + base, api_key=secret, max_retries=0, **keys) as there,
        make(base_url=f"{yard.url}/{name}{base}", api_key=secret, max_retries=0, **keys) as here,
    ):
        through = dict(methods(here))
        for place, method in methods(there):
            upstream.requests.clear()
            wanted = await outcome(method)
            straight = [seen(request) for request in upstream.requests]
            path = upstream.requests[0].path if straight else ""
            upstream.requests.clear()
            got = await outcome(through[place])
            if REFUSED.match(path):
                assert got[0] == "PermissionDeniedError", place
                assert not upstream.requests, place
                continue
            assert [seen(request) for request in upstream.requests] == straight, place
            assert got == wanted, place
            called += bool(straight)
    assert called >= at_least
