"""Rerank of servers that run one model: texts in, an array of places out, nothing beside."""
