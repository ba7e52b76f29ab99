"""`bedrock.converse`: one shape for many models. `codec` is the whole; the others are its parts."""
