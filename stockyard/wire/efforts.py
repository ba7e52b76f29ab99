"""How many tokens of thinking an effort is worth, for models that take a budget (`wire.md` 5.2)."""

BUDGETS = {
    "minimal": 1_024,
    "low": 1_024,
    "medium": 2_048,
    "high": 4_096,
    "xhigh": 8_192,
    "max": 16_384,
}
