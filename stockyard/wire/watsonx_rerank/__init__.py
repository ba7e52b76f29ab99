"""Rerank at IBM watsonx."""
