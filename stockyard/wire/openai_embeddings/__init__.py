"""Embeddings as most providers and clients spell them."""
