"""The ids that a body names of things that a provider keeps: files, threads, stores, caches.

Where such a field stands in a body, its provider reads what it stands for. So each is found before
the body goes on, and passes only for the team whose it is. What is data to the provider is left
alone: arguments of tools, schemas, metadata. Most bodies name nothing, which a search tells.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from stockyard.errors import Refused
from stockyard.wire import strict
from stockyard.wire.large_body import buffer_of

MOST_NAMED = 1000
"""Different ids in one body. Whose each is must be looked up."""
MOST_VALUES = 1_000_000
"""In a body that names something: a batch may hold thousands of calls."""
_JSON_STARTS = (b"{", b"[", b" ", b"\n", b"\r", b"\t", b"\xef\xbb\xbf")
_ESCAPED = re.compile(rb"\\u00[4-7]")
"""What may be a letter of a field's name."""
_OPAQUE = frozenset(
    (  # noqa: SIM905  a list of words reads better as one
        "metadata parameters input_schema inputSchema schema json_schema arguments args response"
        " attributes annotations results filters"
    ).split()
)
"""Fields whose values are no instructions to the provider, whatever their own fields are called."""
COLLECTIONS = "|".join(
    (  # noqa: SIM905  a list of words reads better as one
        "files cachedContents tunedModels batches fileSearchStores batchPredictionJobs tuningJobs"
        " operations"
    ).split()
)
"""Whose things are called by collection and id at some providers, as one choice of a pattern."""
_RESOURCE = re.compile(
    r"(?:(?i:https?)://[^?#]*/|[^:?#]*/|^)"
    rf"({COLLECTIONS})/+([A-Za-z0-9_-]{{1,128}})/?"
    r"(?:[?#:].*)?"
)
"""A thing that has the collection in its name, alone or at the end of an address."""
_ADDRESSES = frozenset(
    (  # noqa: SIM905  a list of words reads better as one
        "fileUri file_uri fileName file_name cachedContent cached_content fileSearchStoreNames"
        " file_search_store_names model baseModel base_model tunedModel tuned_model"
    ).split()
)
"""Fields that name a thing by its collection, or else something that no provider keeps."""


class Naming(Struct, frozen=True):
    """Which fields of a format's bodies name what a provider keeps."""

    fields: frozenset[str]
    marks: tuple[bytes, ...]
    """One of these stands in each body that has such a field, unless it is escaped."""

    def may_be_in(self, body: bytes) -> bool:
        """Whether the body must be read. A search or two tell it of nearly all."""
        for mark in self.marks:
            if body.find(mark) >= 0:
                return True
        # One sign is found faster than two, and most short bodies do not have it.
        spelled = body.find(b"\\") >= 0 and body.find(b"\\u00") >= 0
        return spelled and _ESCAPED.search(buffer_of(body)) is not None

    def named_in(self, body: bytes) -> list[str]:
        """The ids in the body, each once. Raises Refused (400) for what may be read in two ways."""
        if not body.startswith(_JSON_STARTS) or not self.may_be_in(body):
            return []
        value = strict.parse(body[:], most_values=MOST_VALUES)  # of one in a file, a copy
        found = dict.fromkeys(_walk(value, self.fields))
        if len(found) > MOST_NAMED:
            message = f"The body names more than {MOST_NAMED} different things."
            raise Refused(400, "invalid_request", message)
        return list(found)


FILES = Naming(frozenset({"file_id", "file_ids"}), (b'"file_id',))
RESPONSES = Naming(FILES.fields | {"vector_store_ids"}, (b'"file_id', b'"vector_store'))
RESOURCES = Naming(_ADDRESSES, (b'"file', b'"cached'))
ANY = Naming(
    RESPONSES.fields
    | RESOURCES.fields
    | set(
        (  # noqa: SIM905  a list of words reads better as one
            "input_file_id input_files training_file validation_file training_files"
            " vector_store_id thread_id conversation input_dataset_id dataset_id"
        ).split()
    ),
    (
        *(b'"file', b"_file", b'"cached', b'"vector_store', b'"thread_id"', b'"conversation"'),
        *(b"tunedModels", b"dataset_id"),
    ),
)
"""Of paths whose bodies nobody here reads."""

_OF_FORMATS = {
    "openai.chat": FILES,
    "openai.images": FILES,
    "openai.responses": RESPONSES,
    "openai.compact": RESPONSES,
    "openai.input_tokens": RESPONSES,
    "anthropic.messages": FILES,
    "anthropic.count": FILES,
    "gemini": RESOURCES,
    "gemini.array": RESOURCES,
    "gemini.count": RESOURCES,
}
"""Formats of calls whose bodies may name something."""


def of(format: str, native: str | None) -> Naming | None:  # noqa: A002  the word of the field everywhere
    """What bodies of this format may name; of none, if a provider's own path is not read."""
    return ANY if native is not None and not format else _OF_FORMATS.get(format)


def _walk(value: Any, fields: frozenset[str]) -> Iterator[str]:
    """Whatever stands in these fields, at any depth."""
    waiting: list[Any] = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            for name, inner in value.items():
                if name in fields:
                    yield from _ids_in(name, inner)
                if name not in _OPAQUE and not (name == "input" and _calls_tool(value)):
                    waiting.append(inner)


def _calls_tool(value: dict[str, Any]) -> bool:
    """Whether it is a call of a tool, whose `input` is what the tool gets."""
    kind = value.get("type")
    return isinstance(kind, str) and kind.endswith("tool_use") and "name" in value


def _ids_in(field: str, value: Any) -> Iterator[str]:
    for thing in value if isinstance(value, list) else (value,):
        if isinstance(thing, dict):
            thing = thing.get("id")
        if isinstance(thing, str) and thing:
            known = resource(thing)
            if known or field not in _ADDRESSES:
                yield known or thing


def resource(name: str) -> str:
    """A thing by collection and id, out of its name or its address; empty for anything else."""
    found = _RESOURCE.fullmatch(unquote(name))
    return f"{found[1]}/{found[2]}" if found is not None else ""
