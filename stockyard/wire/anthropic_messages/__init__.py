"""`anthropic.messages`: Messages. `codec` ties the other files together."""
