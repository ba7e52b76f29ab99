"""Where facts and small shared state are kept: databases, key-value stores, journals, counters."""
