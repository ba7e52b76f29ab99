"""Answering from store: cache."""
