"""Moderations as clients spell them."""
