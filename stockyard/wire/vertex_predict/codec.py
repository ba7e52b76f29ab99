"""`:predict` of embedding models: instances in, predictions out."""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput, Item, Vector
from stockyard.core.messages import Opaque
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.wire.codec import (
    Facts,
    Fault,
    NotReadable,
    Pen,
    RequestHead,
    Traits,
    WireError,
)
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.gemini import errors
from stockyard.wire.gemini_embed.request import PURPOSES, spelled
from stockyard.wire.head import quoted, read_head
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_embeddings.request import tie_of
from stockyard.wire.usage import Counts
from stockyard.wire.vectors import numbers_of
from stockyard.wire.whole import WholeCodec, bad_answer

FORMAT = "vertex.predict"


class _Head(Struct, gc=False):
    instances: list[msgspec.Raw]


class _Instance(Struct, gc=False):
    content: msgspec.Raw | UnsetType = UNSET


class _Embeddings(Struct, frozen=True, gc=False):
    statistics: dict[str, Any] = {}


class _Prediction(Struct, gc=False):
    embeddings: _Embeddings = _Embeddings()


class _Answer(Struct, gc=False):
    predictions: list[_Prediction] | None = None


_predictions = msgspec.json.Decoder(_Answer).decode
_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("instances")


class VertexPredictCodec(WholeCodec):
    name = FORMAT
    most_items = 250

    def peek(self, body: bytes) -> RequestHead:
        """The model is in the path. Raises NotReadable for what models are asked there that draw or
        that embed more than texts."""
        instances = read_head(body, _HEAD, _KEYS).instances
        if instances and _instance_of(instances[0]).content is UNSET:
            raise NotReadable
        return RequestHead("")

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body

    def read_request(self, fields: Fields) -> EmbeddingsContent:
        said = fields.items("instances") or []
        rows = [Fields(row, f"instances[{at}]") for at, row in enumerate(said)]
        task = _task_of_all([row.rest.get("task_type") for row in rows])
        parameters = Fields(fields.object("parameters") or {}, "parameters")
        dimensions = parameters.integer("outputDimensionality")
        truncate = parameters.flag("autoTruncate")
        if parameters.rest:
            fields.rest["parameters"] = parameters.rest
        items = tuple(_item(row.rest, task) for row in rows)
        return EmbeddingsContent(
            items=items,
            dimensions=dimensions,
            purpose=PURPOSES.get(task or ""),
            truncate=truncate,
            tie=tie_of(items),
            extra=fields.left(FORMAT),
            shape=task,
        )

    def write_request(self, request: Request, drops: Drops) -> dict[str, Any]:
        content = request.read_as(EmbeddingsContent)
        drops.foreign(content.extra)
        if content.end_user is not None:
            drops.add("user")
        if content.types not in ((), ("float",)):
            drops.add("embedding_types")
        task = None if content.purpose is None else spelled(content.purpose, content.shape)
        own = own_fields(content.extra, FORMAT)
        parameters = own.pop("parameters", {})
        if content.dimensions is not None:
            parameters = {**parameters, "outputDimensionality": content.dimensions}
        if content.truncate is not None:
            parameters = {**parameters, "autoTruncate": content.truncate}
        body: dict[str, Any] = {"instances": [_instance(item, task) for item in content.items]}
        return body | ({"parameters": parameters} if parameters else {}) | own

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        try:
            predictions = _predictions(body).predictions
        except (ValueError, RecursionError):
            raise bad_answer() from None
        tokens = [Counts(p.embeddings.statistics).get("token_count") for p in predictions or ()]
        counted = [count for count in tokens if count is not None]
        return Facts(usage=Usage(in_fresh=sum(counted)) if counted else None)

    def read_response(self, answer: Any) -> EmbeddingsOutput:
        fields = Fields(answer)
        rows = fields.items("predictions")
        if rows is None:
            raise FieldError("predictions", "an array")
        values = (Fields(row).inside("embeddings") or Fields({}) for row in rows)
        return EmbeddingsOutput(
            vectors=tuple(Vector({"float": numbers_of(row.any("values"))}) for row in values),
            extra=fields.left(FORMAT),
        )

    def write_response(self, response: Response, pen: Pen) -> dict[str, Any]:
        output = response.read_as(EmbeddingsOutput)
        rows = [{"embeddings": {"values": v.numbers.get("float", ())}} for v in output.vectors]
        return {"predictions": rows, **own_fields(output.extra, FORMAT)}

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)


def _instance_of(said: msgspec.Raw) -> _Instance:
    try:
        return msgspec.json.decode(said, type=_Instance)
    except (ValueError, RecursionError):
        raise NotReadable from None


def _task_of_all(said: list[Any]) -> str | None:
    task = said[0] if said else None
    return task if isinstance(task, str) and all(other == task for other in said) else None


def _item(said: dict[str, Any], task: str | None) -> Item:
    match said:
        case {"content": str(text), **rest}:
            if rest == ({} if task is None else {"task_type": task}):
                return text
    return Opaque(format=FORMAT, value=said)


def _instance(item: Item, task: str | None) -> Any:
    if isinstance(item, Opaque):
        return item.value
    return {"content": item} | ({} if task is None else {"task_type": task})
