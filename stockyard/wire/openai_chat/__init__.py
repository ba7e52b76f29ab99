"""`openai.chat`: Chat Completions. `codec` is the whole of it; the others are its parts."""
