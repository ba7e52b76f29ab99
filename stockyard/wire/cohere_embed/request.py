"""Embed requests, both ways."""

from typing import Any

from stockyard.core.embeddings import EmbeddingsContent, Item, NumberType, Purpose
from stockyard.core.messages import Opaque
from stockyard.core.request import Request
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.openai_embeddings.request import tie_of

FORMAT = "cohere.embed"

INPUTS, IMAGES, START = "inputs", "images", "start"
"""Shapes: items came as `inputs` or as `images`; texts are cut at their beginning."""

BASE64 = "base64"
TYPES: frozenset[NumberType] = frozenset({"float", "int8", "uint8", "binary", "ubinary"})
PURPOSES: dict[str, Purpose | None] = {
    "search_document": "document",
    "search_query": "query",
    "classification": "classification",
    "clustering": "clustering",
    "image": None,
}
_CUTS = {"NONE": False, "END": True, "START": True}


def read_request(fields: Fields) -> EmbeddingsContent:
    fields.any("model")
    items, layout = _items(fields)
    purpose = fields.text("input_type")
    if purpose not in (None, *PURPOSES):
        raise FieldError("input_type", f"one of {', '.join(PURPOSES)}")
    wanted = fields.texts("embedding_types") or ()
    if not set(wanted) <= {BASE64, *TYPES}:
        raise FieldError("embedding_types", f"of {', '.join(sorted({BASE64, *TYPES}))}")
    cut = fields.text("truncate")
    if cut not in (None, *_CUTS):
        raise FieldError("truncate", f"one of {', '.join(_CUTS)}")
    types = tuple(type_ for type_ in wanted if type_ in TYPES)
    return EmbeddingsContent(
        items=items,
        dimensions=fields.integer("output_dimension"),
        purpose=None if purpose is None else PURPOSES[purpose],
        types=types,
        packed=BASE64 in wanted,
        truncate=None if cut is None else _CUTS[cut],
        tie=tie_of(items),
        extra=fields.left(FORMAT),
        shape=words(layout, START if cut == "START" else None),
    )


def write_request(request: Request, drops: Drops) -> dict[str, Any]:
    content = request.read_as(EmbeddingsContent)
    drops.foreign(content.extra)
    if content.end_user is not None:
        drops.add("user")
    body: dict[str, Any] = {"model": request.model, **_write_items(content)}
    # The field is required, and texts that are to be found are the usual case.
    body["input_type"] = _spelled(content)
    # Text is made of the numbers here, for whoever wants it.
    body["embedding_types"] = content.types or ("float",)
    if content.dimensions is not None:
        body["output_dimension"] = content.dimensions
    if content.truncate is not None:
        cut = "START" if has_word(content.shape, START) else "END"
        body["truncate"] = cut if content.truncate else "NONE"
    return body | own_fields(content.extra, FORMAT)


def _items(fields: Fields) -> tuple[tuple[Item, ...], str | None]:
    texts, images = fields.texts("texts"), fields.texts("images")
    inputs = fields.items("inputs")
    if sum(bool(said) for said in (texts, images, inputs)) != 1:
        raise FieldError("texts", "an array of strings, or `images` or `inputs` in its place")
    if texts:
        return texts, None
    if images:
        return tuple(Opaque(format=FORMAT, value=image) for image in images), IMAGES
    return tuple(_item(item, f"inputs[{at}]") for at, item in enumerate(inputs or ())), INPUTS


def _item(said: Any, path: str) -> Item:
    if not isinstance(said, dict) or not isinstance(said.get("content"), list):
        raise FieldError(path, "an object with `content`")
    match said:
        case {"content": [{"type": "text", "text": str(text), **rest}], **more} if not rest | more:
            return text
    return Opaque(format=FORMAT, value=said)


def _write_items(content: EmbeddingsContent) -> dict[str, Any]:
    if has_word(content.shape, IMAGES):
        return {IMAGES: [item.value for item in content.items if isinstance(item, Opaque)]}
    if has_word(content.shape, INPUTS):
        return {INPUTS: [_input(item) for item in content.items]}
    return {"texts": content.items}


def _input(item: Item) -> Any:
    return item.value if isinstance(item, Opaque) else {"content": [{"type": "text", "text": item}]}


def _spelled(content: EmbeddingsContent) -> str:
    if has_word(content.shape, IMAGES):
        return "image"
    said = (word for word, purpose in PURPOSES.items() if purpose and purpose == content.purpose)
    return next(said, "search_document")
