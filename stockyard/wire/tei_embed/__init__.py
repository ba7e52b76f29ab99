"""Embeddings of servers that run one model: texts in, an array of arrays out, nothing beside."""
