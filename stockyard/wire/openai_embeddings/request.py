"""Embeddings requests, both ways."""

from typing import Any

from stockyard.core.embeddings import EmbeddingsContent, Item, NumberType, Purpose
from stockyard.core.meaning import Tie
from stockyard.core.messages import Opaque
from stockyard.core.request import Request
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import has_word, own_fields
from stockyard.wire.layout import words as shaped
from stockyard.wire.openai_embeddings.words import Words

ALONE = "alone"
"""Shape: the input was no list."""
NAMED = "named"
"""Shape: the encoding or the type of the numbers was named, though it is the usual one."""
BASE64, FLOAT = "base64", "float"

TOKENS_TIE = Tie(
    code="invalid_request",
    message="The provider of this model takes no tokens. Send the input as text.",
    param="input",
)
OBJECTS_TIE = Tie(
    code="invalid_request",
    message="The provider of this model embeds nothing but text.",
    param="input",
)


def read_request(fields: Fields, words: Words) -> EmbeddingsContent:
    fields.any("model")
    said = fields.any("input")
    alone = not isinstance(said, list) or _is_tokens(said)
    items = _items([said] if alone else said, words)
    packed, types, named = _numbers(fields, words)
    purpose = fields.text(words.purpose)
    if purpose is not None and purpose not in words.purposes:
        raise FieldError(words.purpose, f"one of {', '.join(words.purposes)}")
    return EmbeddingsContent(
        items=items,
        dimensions=fields.integer(words.dimensions),
        purpose=None if purpose is None else words.purposes[purpose],
        types=types,
        packed=packed,
        truncate=fields.flag(words.truncate) if words.truncate else None,
        end_user=fields.text(words.end_user) if words.end_user else None,
        tie=tie_of(items),
        extra=fields.left(words.format),
        shape=shaped(ALONE if alone else None, NAMED if named else None, purpose),
    )


def write_request(request: Request, drops: Drops, words: Words) -> dict[str, Any]:
    content = request.read_as(EmbeddingsContent)
    drops.foreign(content.extra)
    items = [item.value if isinstance(item, Opaque) else item for item in content.items]
    alone = has_word(content.shape, ALONE) and len(items) == 1
    body: dict[str, Any] = {"model": request.model, "input": items[0] if alone else items}
    if content.dimensions is not None:
        body[words.dimensions] = content.dimensions
    _write_numbers(body, content, drops, words)
    if content.purpose is not None:
        spelled = _spelled(content.purpose, content.shape, words)
        if spelled is None:
            drops.add("input_type")
        else:
            body[words.purpose] = spelled
    for name, value, client_name in (
        (words.truncate, content.truncate, "truncate"),
        (words.end_user, content.end_user, "user"),
    ):
        if value is not None and name is not None:
            body[name] = value
        elif value is not None:
            drops.add(client_name)
    return body | own_fields(content.extra, words.format)


def tie_of(items: tuple[Item, ...]) -> Tie | None:
    """What keeps these items in their format."""
    if any(isinstance(item, tuple) for item in items):
        return TOKENS_TIE
    return OBJECTS_TIE if any(isinstance(item, Opaque) for item in items) else None


def _items(said: list[Any], words: Words) -> tuple[Item, ...]:
    if not said:
        raise _wrong(words)
    items = tuple(_item(item, words) for item in said)
    if len({isinstance(item, tuple) for item in items}) > 1:  # tokens do not mix with texts
        raise _wrong(words)
    return items


def _item(item: Any, words: Words) -> Item:
    if type(item) is str:
        return item
    if words.tokens and _is_tokens(item):
        return tuple(item)
    if not words.objects or not isinstance(item, dict):
        raise _wrong(words)
    text = item.get("text")
    if item.keys() == {"text"} and type(text) is str:
        return text
    return Opaque(format=words.format, value=item)


def _is_tokens(said: Any) -> bool:
    return isinstance(said, list) and bool(said) and all(type(token) is int for token in said)


def _wrong(words: Words) -> FieldError:
    more = ", or arrays of tokens" if words.tokens else " or objects" if words.objects else ""
    return FieldError("input", f"a string or an array of strings{more}")


def _numbers(fields: Fields, words: Words) -> tuple[bool, tuple[NumberType, ...], bool]:
    """Whether the vectors shall be text, of which numbers, and whether plain floats were named."""
    packed, named = False, False
    types: tuple[NumberType, ...] = ()
    for key in dict.fromkeys((words.encoding, words.types)):
        said = fields.text(key) if key else None
        if said is None:
            continue
        known = {BASE64, FLOAT} if key == words.encoding else set()
        known |= words.numbers.keys() if key == words.types else set()
        if said not in known:
            raise FieldError(str(key), f"one of {', '.join(sorted(known))}")
        named |= said == FLOAT
        packed |= said == BASE64
        if said not in (FLOAT, BASE64):
            types = (words.numbers[said],)
    return packed, types, named


def _write_numbers(
    body: dict[str, Any], content: EmbeddingsContent, drops: Drops, words: Words
) -> None:
    if content.packed and words.encoding:
        body[words.encoding] = BASE64
    elif has_word(content.shape, NAMED) and (key := words.types or words.encoding):
        body[key] = FLOAT
    wanted = [type_ for type_ in content.types if type_ != FLOAT]
    spelled = [word for word, type_ in words.numbers.items() if type_ in wanted]
    if words.types and len(wanted) == len(spelled) == 1:
        body[words.types] = spelled[0]
    elif wanted:
        drops.add("embedding_types")


def _spelled(purpose: Purpose, shape: str | None, words: Words) -> str | None:
    """As the client did, where it named one."""
    said = (word for word in (shape or "").split() if words.purposes.get(word) == purpose)
    return next(said, words.spelled(purpose))
