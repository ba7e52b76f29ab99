"""Answer questions about models: lists, descriptions, and the version of a dialect."""

from collections.abc import Callable

from stockyard.errors import Refused
from stockyard.gateway import describing, joined_list
from stockyard.gateway.contract import Opening, Whole
from stockyard.gateway.describing import Describing
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.http import Head
from stockyard.gateway.joined_list import JoinedList
from stockyard.gateway.listing import models_answer
from stockyard.providers.directory import Directory

Onward = Callable[[str, str], Opening]
"""(provider, path) -> the way to ask that provider itself."""


def answer(
    endpoint: Endpoint,
    head: Head,
    directory: Callable[[], Directory],
    aliases: tuple[str, ...],
    onward: Onward | None,
    refused: Callable[[Refused], Whole],
    only: str | None = None,
) -> Opening | Whole:
    """The answer; or an Opening, if the question is in the body or a provider must be asked too.

    `onward` is None for callers who may not ask any provider. `only` is the provider of a caller
    who brings its secret.
    """
    if endpoint.about == "version":
        return describing.version_answer()
    if endpoint.about == "model":
        return Describing(directory, endpoint.format, onward, refused)
    ours = models_answer(head, directory(), aliases, only)
    home = directory().home(endpoint.format) if head.method == "GET" else None
    if home is None or onward is None:
        return ours
    return JoinedList(onward(home.name, joined_list.PATH), ours)
