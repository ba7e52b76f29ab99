"""Calls going out: the only outbound HTTP, what it may reach, and how a Target is tried."""
