"""Rankings: a question and passages in, logits out."""
