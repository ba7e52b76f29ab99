"""Bodies of calls, as a client would send them."""


def a_call(prompt: str = "hi", *, stream: bool = False, **more: object) -> dict[str, object]:
    """A call that is valid in both formats; `more` adds or replaces fields."""
    fields: dict[str, object] = {
        "model": "scripted-1",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": prompt}],
    }
    return fields | ({"stream": True} if stream else {}) | more
