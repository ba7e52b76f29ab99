"""`openai.chat`: Chat Completions. `codec` ties the other files together."""
