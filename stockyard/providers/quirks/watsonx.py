"""Quirks of IBM watsonx: every request names the project or space that pays for it.

Chats are OpenAI's, except for the model's name and the choice of tools.

https://cloud.ibm.com/apidocs/watsonx-ai#text-chat
"""

from collections.abc import Callable

from stockyard.providers.quirks.quirk import Body, Change, ModelTraits, Quirk, without

QUIRKS = ("watsonx_body", "watsonx_embed_body", "watsonx_rerank_body")
OWNERS = ("project_id", "space_id")
"""One of these pays: settings of the provider that become the argument of its quirks."""


def watsonx_body(owner: str = "") -> Quirk:
    """`project_id=...` or `space_id=...`: who pays, unless the caller says so."""
    name, _, value = owner.partition("=")

    def change(body: Body, model: ModelTraits) -> Change:
        # The path says whether the answer is streamed, and usage comes with every stream.
        kept = without(body, "model", "stream", "stream_options")
        asked: Body = {"model_id": body.get("model")} | _tools_chosen(_stops_listed(kept))
        if name and not any(other in body for other in OWNERS):
            asked[name] = value
        return Change(asked)

    return Quirk((), change)


def paid(format_: str) -> Callable[[str], Quirk]:
    """Adds who pays to the bodies of another format."""

    def paying(owner: str) -> Quirk:
        name, _, value = owner.partition("=")

        def change(body: Body, model: ModelTraits) -> Change:
            if not name or any(other in body for other in OWNERS):
                return Change(body)
            return Change(body | {name: value})

        return Quirk((), change, format_)

    return paying


def _tools_chosen(body: Body) -> Body:
    """`auto`, `none` and `required` have a field of their own there."""
    chosen = body.get("tool_choice")
    if not isinstance(chosen, str):
        return body
    return without(body, "tool_choice") | {"tool_choice_option": chosen}


def _stops_listed(body: Body) -> Body:
    stop = body.get("stop")
    return body | {"stop": [stop]} if isinstance(stop, str) else body
