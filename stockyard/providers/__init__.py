"""Who can be called: the catalog of providers, and what is peculiar to each. No I/O."""
