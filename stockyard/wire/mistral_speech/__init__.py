"""Speech as Mistral answers it: the sound stands as base64 in a JSON object."""
