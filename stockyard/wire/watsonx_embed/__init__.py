"""Embeddings at IBM watsonx."""
