"""`batchEmbedContents` and `embedContent`: contents in, vectors out, the model in the path."""
