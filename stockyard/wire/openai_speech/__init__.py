"""Speech: a text goes in, sound comes out."""
