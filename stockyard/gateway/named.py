"""Find the ids in a body of things that a provider stores: files, threads, stores, caches.

For such an id a provider uses the thing itself. So all ids are found before the body is forwarded,
and each must belong to the team. Fields that are mere data for the provider are skipped: arguments
of tools, schemas, metadata. Most bodies name nothing, which a fast search shows.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct

from stockyard.errors import Refused
from stockyard.wire import strict
from stockyard.wire.anthropic_messages.threads import MARK as THREAD_MARK
from stockyard.wire.large_body import buffer_of, has_any
from stockyard.wire.multipart import boundary_in, read_form

MOST_NAMED = 1000
"""Different ids in one body, each of which is looked up."""
MOST_VALUES = 1_000_000
"""JSON values in a body that names something: a batch may hold thousands of calls."""
REFERENCE = "item_reference"
"""Type of an item that only refers to another one."""
PICTURE = "image_generation_call"
"""Type of an item that refers to a picture, unless it contains the picture."""
FILE_ID = "file_id"
"""The type of objects whose id is that of a file, such as the source of an evaluation."""
_BARE_REFERENCE = re.compile(
    rb'\{\s*(?:"type"\s*:\s*null\s*,\s*)?"id"\s*:\s*"[^"]*"\s*(?:,\s*"type"\s*:\s*null\s*)?\}'
)
"""The same where the client leaves out that it is one."""
_JSON_STARTS = (b"{", b"[", b" ", b"\n", b"\r", b"\t", b"\xef\xbb\xbf")
_ESCAPED = re.compile(rb"\\u00[4-7]")
"""What may be a letter of a field's name."""
_OPAQUE = frozenset(
    (
        "metadata parameters input_schema inputSchema schema json_schema arguments args response"
        " attributes annotations results filters"
    ).split()
)
"""Fields whose values are mere data for the provider, whatever names are inside."""
COLLECTIONS = "|".join(
    (
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
"""A name that contains its collection, alone or at the end of a URL."""
_ADDRESSES = frozenset(
    (
        "fileUri file_uri fileName file_name cachedContent cached_content fileSearchStoreNames"
        " file_search_store_names model baseModel base_model tunedModel tuned_model uri"
    ).split()
)
"""Fields that name a thing by its collection, or else something that no provider keeps."""


_LISTS_OF_ITEMS = frozenset({"input", "items"})
"""Fields with the items of a conversation."""
_FORM_FIELD = re.compile(
    rb'(?i)name="?(?:[a-z_]*_(?:ids?|files?)|conversation|container)(?:\[\])?"?[;\r]'
)
"""Matches forms that may name something."""
_PAIRS = b"application/x-www-form-urlencoded"
MOST_PAIRS = 1000
MOST_WORD = 1024


class _WithInput(Struct):
    input: Any = None


_THOUGHT, _SEAL = b'"reasoning"', b'"encrypted_content":"'
"""If these occur equally often, each thought is encrypted. That is true of most bodies."""


class Naming(Struct, frozen=True):
    """The fields of a format's bodies that name stored things."""

    fields: frozenset[str]
    marks: tuple[bytes, ...]
    """Every body with such a field contains one of these, unless it is escaped."""
    bare: bool = False
    """An item of a conversation may consist of nothing but the id of another one."""
    sign: bytes = b""
    """A character in all marks that many bodies lack: it is found much faster than the marks."""

    def may_be_in(self, body: bytes) -> bool:
        """Whether the body must be parsed. For nearly all bodies a search or two exclude it."""
        if (not self.sign or body.find(self.sign) >= 0) and has_any(body, self.marks):
            return True
        if self.bare and may_refer(body):
            return True
        # A single character is found faster than three, and most short bodies do not contain it.
        spelled = body.find(b"\\") >= 0 and body.find(b"\\u00") >= 0
        return spelled and _ESCAPED.search(buffer_of(body)) is not None

    def named_in(self, body: bytes, kind: bytes = b"") -> list[str]:
        """The ids in the body, each once. `kind` is what its head calls it.

        Raises Refused (400) for what may be read in two ways.
        """
        if kind.lower().startswith(_PAIRS):
            return list(dict.fromkeys(self._in_pairs(body)))
        if not self.may_be_in(body):
            if strict.is_encoded(body):
                raise strict.not_json("The body is not in UTF-8, or begins with a mark.")
            return []
        if body.startswith(b"--"):
            return list(dict.fromkeys(self._in_form(body)))
        if not body.startswith(_JSON_STARTS):
            return []
        value = strict.parse(body[:], most_values=MOST_VALUES)  # of one in a file, a copy
        found = dict.fromkeys(_walk(value, self.fields, bare=self.bare))
        if len(found) > MOST_NAMED:
            message = f"The body names more than {MOST_NAMED} different things."
            raise Refused(400, "invalid_request", message)
        return list(found)

    def _in_pairs(self, body: bytes) -> Iterator[str]:
        """The ids in a form without files."""
        try:
            pairs = parse_qsl(body[: MOST_PAIRS * MOST_WORD].decode(), max_num_fields=MOST_PAIRS)
        except ValueError:
            pairs = None
        if pairs is None or len(body) > MOST_PAIRS * MOST_WORD:
            raise Refused(400, "invalid_request", "The form is too large, or is not UTF-8 text.")
        for name, value in pairs:
            if name.removesuffix("[]") in self.fields:
                yield from _ids_in(name.removesuffix("[]"), value)

    def _in_form(self, body: bytes) -> Iterator[str]:
        """The ids in the fields of a form, except in files."""
        boundary = boundary_in(body)
        if boundary is None or not _FORM_FIELD.search(buffer_of(body)):
            return
        for part in read_form(body, boundary).parts:
            field = part.name.removesuffix("[]")
            if field in self.fields and not part.is_file and part.end - part.start <= MOST_WORD:
                yield from _ids_in(field, body[part.start : part.end].decode("utf-8", "replace"))


FILES = Naming(frozenset({"file_id", "file_ids"}), (b'"file_id',), sign=b"_")
MESSAGES = Naming(FILES.fields | {"container"}, (b'"file_id', b'"container', THREAD_MARK))
"""A thread has no name at its beginning; who asks for one is told so."""
RESPONSES = Naming(
    FILES.fields | {"vector_store_ids", "container", "container_id"},
    (b'"file_id', b'"vector_store', b'"container', REFERENCE.encode(), PICTURE.encode()),
    bare=True,
)
RESOURCES = Naming(_ADDRESSES, (b'"file', b'"cached'))
ANY = Naming(
    RESPONSES.fields
    | RESOURCES.fields
    | set(
        (
            "input_file_id input_files training_file validation_file training_files"
            " validation_files vector_store_id thread_id conversation input_dataset_id dataset_id"
            " previous_interaction_id"
        ).split()
    ),
    (
        *(b'"file', b"_file", b'"cached', b'"vector_store', b'"thread_id"', b'"conversation"'),
        *(b"tunedModels", b"dataset_id", b'"container', b"interaction_id"),
        *(REFERENCE.encode(), PICTURE.encode()),
    ),
)
"""For paths without a codec."""
CONVERSATIONS = Naming(ANY.fields, ANY.marks, bare=True)
INTERACTIONS = Naming(ANY.fields | {"uri"}, (*ANY.marks, b'"uri"'))
"""For conversations whose parts name files by URL."""

SHARED = Naming(
    frozenset(
        (
            "assistant_id agent_id agent skill_id skill_ids voice_id vault_ids environment_id"
            " environment memory_store_id eval_id video_id from_checkpoint dataset"
            " evaluationDataset inputDatasetId"
        ).split()
    ),
    (
        *(b"assistant_id", b'"agent', b'"skill', b'"voice_id"', b'"vault_ids"'),
        *(b'"environment', b'"memory_store_id"', b'"eval_id"', b'"video_id"'),
        *(b'"from_checkpoint"', b'"dataset"', b"Dataset"),
    ),
)
"""For things that all teams may use, unless a team created them through us."""
SKILLS = Naming(frozenset({"skill_id"}), (b'"skill_id"',))
"""Those of them that calls of models may name."""

_OF_FORMATS = {
    "openai.chat": FILES,
    "openai.images": FILES,
    "openai.responses": RESPONSES,
    "openai.compact": RESPONSES,
    "openai.input_tokens": RESPONSES,
    "anthropic.messages": MESSAGES,
    "anthropic.count": MESSAGES,
    "gemini": RESOURCES,
    "gemini.array": RESOURCES,
    "gemini.count": RESOURCES,
}
"""Format -> what its bodies may name."""


def of(format: str, native: str | None) -> Naming | None:
    """What bodies of this format may name; on native paths without a codec, anything."""
    return ANY if native is not None and not format else _OF_FORMATS.get(format)


def may_refer(body: bytes) -> bool:
    """Whether a body may contain an item that is nothing but the id of another one."""
    return body.find(b'"id"') >= 0 and _BARE_REFERENCE.search(buffer_of(body)) is not None


def referred_to(item: Any) -> str:
    """The id that an item of a conversation refers to; empty if it has content of its own."""
    if not isinstance(item, dict):
        return ""
    kind, thing = item.get("type"), item.get("id")
    refers = (
        kind == REFERENCE
        or (kind == PICTURE and not item.get("result"))
        or (kind is None and item.keys() <= {"id", "type"})
    )
    return thing if refers and isinstance(thing, str) else ""


def unsealed_in(body: bytes) -> list[str]:
    """The ids of thoughts in the input of a request that come without their encrypted content.

    A provider that stores them looks them up by id; any other uses their text.
    """
    if body.count(_THOUGHT) <= body.count(_SEAL) and not _ESCAPED.search(body):
        return []
    try:
        items = msgspec.json.decode(body, type=_WithInput).input
    except (ValueError, RecursionError):
        return []  # the codec says what is wrong with it
    return [
        item["id"]
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, dict)
        and item.get("type") == "reasoning"
        and not item.get("encrypted_content")
        and isinstance(item.get("id"), str)
    ]


def _walk(value: Any, fields: frozenset[str], *, bare: bool) -> Iterator[str]:
    """The ids in these fields, at any depth."""
    waiting: list[Any] = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            kind = value.get("type")
            if kind in (REFERENCE, PICTURE) and (thing := referred_to(value)):
                yield thing
            elif kind == FILE_ID and isinstance(value.get("id"), str):
                yield value["id"]
            for name, inner in value.items():
                if name in fields:
                    yield from _ids_in(name, inner)
                if bare and name in _LISTS_OF_ITEMS and isinstance(inner, list):
                    yield from filter(None, map(referred_to, inner))
                if name not in _OPAQUE and not (name == "input" and _calls_tool(value)):
                    waiting.append(inner)


def _calls_tool(value: dict[str, Any]) -> bool:
    """Whether it is a tool call, whose `input` is the tool's argument."""
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
    """Collection and id, from the name or URL of a thing; empty for anything else."""
    found = _RESOURCE.fullmatch(unquote(name))
    return f"{found[1]}/{found[2]}" if found is not None else ""
