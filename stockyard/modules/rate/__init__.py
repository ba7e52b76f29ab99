"""Limit how much someone may use in a period: ratelimit."""
