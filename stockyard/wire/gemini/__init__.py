"""The `gemini` format: `generateContent`, streamed as events or as one JSON array."""
