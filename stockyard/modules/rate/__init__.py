"""How much somebody may use in a period: ratelimit."""
