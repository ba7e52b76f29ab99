"""The caller's id for its end user, as passed on to providers.

A name that a provider would refuse, or should not learn, is told as its hash: always the same for
the same user, which is all that providers want of it.
"""

import hashlib

LONGEST = 64
"""What OpenAI takes; clients of Messages put a whole JSON object there."""


def shortened(user: str) -> str:
    return user if len(user) <= LONGEST else _hashed(user)


def without_address(user: str) -> str:
    return _hashed(user) if "@" in user else user


def _hashed(user: str) -> str:
    return hashlib.sha256(user.encode("utf-8", "replace")).hexdigest()
