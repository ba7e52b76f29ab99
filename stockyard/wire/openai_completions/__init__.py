"""Completions: the format before chat, in which a prompt is plain text that the model goes on."""
