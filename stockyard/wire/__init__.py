"""Formats: JSON and bytes on one side, the values of `core` on the other. No I/O."""
