"""Embeddings of models that are invoked with bodies of their own: one text, or many."""
