"""Stockyard: an LLM gateway, and the platform around it."""

__version__ = "0.1.0"
