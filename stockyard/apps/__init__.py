"""Vertical slices of the product. Each has the same file names inside."""
