"""`openai.responses`: Responses, a format of typed items. `codec` ties the other files together."""
