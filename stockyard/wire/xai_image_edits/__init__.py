"""Image edits as xAI takes them: JSON with the images in it, by address or as data URLs."""
