"""Answer from what is stored: cache."""
