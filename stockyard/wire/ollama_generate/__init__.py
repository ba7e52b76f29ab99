"""`ollama.generate`: one prompt for Ollama. Its answers are read and written by `ollama_chat`."""
