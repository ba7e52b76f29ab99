"""`bedrock.converse`: one format for many models. `codec` ties the other files together."""
