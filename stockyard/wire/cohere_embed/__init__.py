"""Embeddings with their number types and what they are for in the request."""
