"""`ollama.chat`: Ollama's own chat, streamed as lines of JSON. `codec` is the whole of it."""
