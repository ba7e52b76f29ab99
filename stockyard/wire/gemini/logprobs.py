"""Log probabilities, both ways.

The neutral form has chat's shape: one entry for each chosen token, with its alternatives in it.
Here the chosen ones and the alternatives stand in two lists beside each other.
"""

import math
from typing import Any

_Object = dict[str, Any]

RESULT = "logprobsResult"

_UNLIKELY = -9999.0
"""What chat says for a probability that no number can say."""


def read_logprobs(result: Any) -> _Object | None:
    """Neutral log probabilities; None when there are none."""
    chosen = _tokens(result.get("chosenCandidates")) if isinstance(result, dict) else []
    if not chosen:
        return None
    tops = result.get("topCandidates")
    others = tops if isinstance(tops, list) else []
    return {
        "content": [
            {**_entry(token), "top_logprobs": _alternatives(others[i : i + 1])}
            for i, token in enumerate(chosen)
        ]
    }


def write_logprobs(logprobs: Any) -> _Object | None:
    """The object of an answer; None when nothing of the neutral one can be said."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    told = content if isinstance(content, list) else ()
    entries = [e for e in told if isinstance(e, dict) and isinstance(e.get("token"), str)]
    if not entries:
        return None
    tops = [{"candidates": list(map(_token, _tokens(e.get("top_logprobs"))))} for e in entries]
    return {"topCandidates": tops, "chosenCandidates": list(map(_token, entries))}


def _alternatives(top: list[Any]) -> list[_Object]:
    found = top[0].get("candidates") if top and isinstance(top[0], dict) else None
    return list(map(_entry, _tokens(found)))


def _tokens(items: Any) -> list[_Object]:
    found = items if isinstance(items, list) else []
    return [t for t in found if isinstance(t, dict) and isinstance(t.get("token"), str)]


def _entry(said: _Object) -> _Object:
    token, logprob = said["token"], said.get("logProbability", 0.0)
    known = isinstance(logprob, int | float) and math.isfinite(logprob)
    return {
        "token": token,
        "logprob": logprob if known else _UNLIKELY,
        "bytes": list(token.encode("utf-8", "replace")),
        **({"token_id": said["tokenId"]} if "tokenId" in said else {}),
    }


def _token(entry: _Object) -> _Object:
    said = {"token": entry.get("token"), "logProbability": entry.get("logprob")}
    return {**said, "tokenId": entry["token_id"]} if "token_id" in entry else said
