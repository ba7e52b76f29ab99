"""Calls in the dialect of Ollama: for a model of another provider, and for one of its own."""

CHAT = "/ollama/api/chat"
JSON = {"content-type": "application/json"}
HI = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
OWN = HI | {"model": "llama3.2:latest"}
