"""Moderations answers, both ways.

Not every provider finds the same categories, nor says at the end whether anything was found. What
has the same meaning is called by the name that clients know; other categories keep theirs.
"""

from collections.abc import Mapping
from typing import Any

from stockyard.core.moderation import Judgement, ModerationOutput
from stockyard.core.response import Response
from stockyard.wire.codec import Pen
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_moderations.request import FORMAT

KNOWN_AS = {
    "hate_and_discrimination": "hate",
    "violence_and_threats": "violence",
    "dangerous_and_criminal_content": "illicit",
    "selfharm": "self-harm",
}


def read_response(answer: Any) -> ModerationOutput:
    fields = Fields(answer)
    rows = fields.items("results")
    if rows is None:
        raise FieldError("results", "an array of judgements")
    return ModerationOutput(
        id=fields.text("id") or "",
        model=fields.text("model") or "",
        judgements=tuple(_judgement(Fields(row)) for row in rows),
        extra=fields.left(FORMAT),
    )


def write_response(response: Response, pen: Pen) -> dict[str, Any]:
    output = response.read_as(ModerationOutput)
    return {
        "id": output.id or f"modr-{pen.id}",
        "model": pen.model,
        "results": [_row(judgement) for judgement in output.judgements],
        **own_fields(output.extra, FORMAT),
    }


def _judgement(row: Fields) -> Judgement:
    categories = row.object("categories")
    flagged = row.flag("flagged")
    if categories is None:
        if flagged is None:  # that says nothing, and must not read as if nothing was found
            raise FieldError("categories", "an object")
        categories = {}
    return Judgement(
        flagged=any(categories.values()) if flagged is None else flagged,
        categories=_known(categories),
        scores=_known(row.object("category_scores") or {}),
        extra=row.rest,
    )


def _known(found: Mapping[str, Any]) -> dict[str, Any]:
    return {KNOWN_AS.get(name, name): value for name, value in found.items()}


def _row(judgement: Judgement) -> dict[str, Any]:
    return {
        "flagged": judgement.flagged,
        "categories": judgement.categories,
        "category_scores": judgement.scores,
        **judgement.extra,
    }
