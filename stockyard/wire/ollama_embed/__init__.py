"""Embeddings of local servers: `input` in, bare arrays out."""
