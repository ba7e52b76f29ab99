"""Responses: the format of typed items, in requests, answers and streams."""
