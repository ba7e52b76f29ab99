"""Requests and answers of embeddings, rerank and moderation."""

import json
from typing import Any

from stockyard.testing.script import Script

JSON = {"content-type": "application/json"}
VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}
COHERE_VECTORS = {
    "id": "x",
    "embeddings": {"float": [[0.5, -1.0]]},
    "meta": {"billed_units": {"input_tokens": 3}},
    "response_type": "embeddings_by_type",
}
GEMINI_VECTORS = {"embeddings": [{"values": [0.5, -1.0]}]}
EMBEDDINGS = {"model": "text-embedding-3-small", "input": "hi"}
RERANK = {"model": "rerank-v3.5", "query": "q", "documents": ["a", "b"]}
MODERATION = {"model": "omni-moderation-latest", "input": "hi"}


def answers(script: Script, answer: Any) -> None:
    script.sends(200, JSON, json.dumps(answer).encode())
