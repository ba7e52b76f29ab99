"""Images: a prompt goes in, with images or without, and images come out."""
