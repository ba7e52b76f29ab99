"""Split a completions call with several prompts, for providers that take one at a time.

Each prompt becomes a request of its own, one after another, and the answers become the choices of
one answer: those of the first prompt first (`wire.md` 4.2).
"""

from collections.abc import Sequence

from msgspec.structs import replace

from stockyard.core.messages import Message
from stockyard.core.money import total_of
from stockyard.core.request import Request
from stockyard.core.response import Choice, Response
from stockyard.errors import Refused

MAX_PROMPTS = 16
"""Each is a separate try, and a call may make only so many."""


def prompts_of(request: Request) -> Sequence[Request]:
    """One request for each prompt; the request itself if there is only one. Raises Refused."""
    content = request.content
    if not content.apart:
        return (request,)
    prompts = [message for message in content.messages if message.role == "user"]
    if len(prompts) > MAX_PROMPTS:
        raise Refused(
            400,
            "invalid_request",
            f"The provider of this model takes one prompt at a time, so a call may have at most "
            f"{MAX_PROMPTS}.",
            param="prompt",
        )
    return tuple(_asking(request, prompt) for prompt in prompts)


def _asking(request: Request, prompt: Message) -> Request:
    content = request.content
    shared = [message for message in content.messages if message.role != "user"]
    alone = replace(content, messages=(*shared, prompt), apart=False)
    return request.with_content(alone).whole()


def joined(responses: Sequence[Response], per_prompt: int) -> Response:
    """The answers joined to one. `per_prompt`: how many choices each request asked for."""
    choices: list[Choice] = []
    for place, response in enumerate(responses):
        choices += (
            replace(choice, index=place * per_prompt + choice.index)
            for choice in response.output.choices
        )
    output = replace(responses[0].output, choices=tuple(choices))
    return Response(output, usage=total_of([response.usage for response in responses]))
