"""How much somebody may use in a time: ratelimit."""
