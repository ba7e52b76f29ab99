"""Request a summary of a conversation with a prompt, for providers without an endpoint for it.

The request declares no tools, and earlier tool calls become text, because some providers refuse
tool calls in a request that declares no tools.
"""

from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Message,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from stockyard.core.request import Content, Request
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.openai_responses.ties import SUMMARY_WANTED

WISH = (
    "Summarise this conversation so that it can go on from your summary alone, without the "
    "messages above. State the user's goals and wishes, what was decided and why, what was done "
    "and found (with exact names, paths, numbers and code where they matter), what is still open, "
    "and what comes next. Write the summary only."
)


def in_words(request: Request) -> Request:
    """The request with the prompt for a summary as its last message, and text only."""
    content = request.content
    messages = [plain for message in content.messages if (plain := _in_words(message)).parts]
    asking = Message(role="user", parts=(Text(text=WISH),))
    return Request(
        model=request.model,
        content=Content(
            messages=(*messages, asking),
            reasoning=content.reasoning,
            cache_key=content.cache_key,
            service_tier=content.service_tier,
            end_user=content.end_user,
            tie=None if content.tie == SUMMARY_WANTED else content.tie,
        ),
    )


def summary_of(response: Response) -> Response:
    """The answer reduced to the summary. Raises UpstreamError (`bad_answer`) if there is none."""
    output, text = response.output, response.text
    if not text.strip():
        raise UpstreamError("bad_answer", "The model was asked for a summary and wrote none.")
    said = Message(role="assistant", parts=(Text(text=text),))
    # Even one that had to stop early will do: half a summary is better than none.
    choice = Choice(message=said, finish="stop")
    summary = Output(id=output.id, model=output.model, created=output.created, choices=(choice,))
    return Response(summary, usage=response.usage)


def _in_words(message: Message) -> Message:
    parts = tuple(plain for part in message.parts if (plain := _part_in_words(part)) is not None)
    role = "user" if message.role == "tool" else message.role
    return replace(message, role=role, parts=parts)


def _part_in_words(part: AnyPart) -> AnyPart | None:
    if isinstance(part, ToolCall):
        return Text(text=f"[Called {part.name} with {part.arguments or '{}'}]")
    if isinstance(part, ToolResult):
        said = "".join(inner.text for inner in part.parts if isinstance(inner, Text))
        return Text(text=f"[Result: {said}]")
    # Thinking belongs to another request, and opaque parts only mean something in their format.
    return None if isinstance(part, Reasoning | Opaque) else part
