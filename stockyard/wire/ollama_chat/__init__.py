"""`ollama.chat`: Ollama's own chat, streamed as JSON lines. `codec` ties the other files
together."""
