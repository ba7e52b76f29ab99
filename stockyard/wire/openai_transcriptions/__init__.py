"""Transcriptions and translations: a recording goes in, text comes out."""
