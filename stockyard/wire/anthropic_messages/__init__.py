"""`anthropic.messages`: Messages. `codec` is the whole of it; the others are its parts."""
