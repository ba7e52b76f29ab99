"""Remove secrets from providers' error messages."""

import re

MAX_MESSAGE = 2_000

_SECRETS = re.compile(
    r"\b(?:sk|rk|pk|gsk|fw|hf|r8|xai|pplx|nvapi|csk|key|api|org|proj|AIza)[-_][A-Za-z0-9_\-*]{6,}"
    r"|\bAIza[A-Za-z0-9_\-]{10,}"
    r"|\b[Bb]earer\s+[A-Za-z0-9._~+/\-]{8,}=*"
    r"|\borg-[A-Za-z0-9]{6,}"
    r"|[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,5}"
)


def masked(message: str) -> str:
    """The message cut to a sane length, without keys, e-mail addresses and organisation ids."""
    cut = _SECRETS.sub("***", message[: MAX_MESSAGE * 2])
    return cut if len(cut) <= MAX_MESSAGE else cut[: MAX_MESSAGE - 1] + "…"
