"""Embeddings as predictions: one instance for each text, the model in the path."""
