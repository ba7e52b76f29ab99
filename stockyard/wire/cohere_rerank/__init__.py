"""Rerank as most providers and clients spell it."""
