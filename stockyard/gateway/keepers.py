"""The four Ports through which the gateway remembers what outlives a call."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from stockyard.core.ports import Envelopes, HeldIds, KeptAnswers, Owed


class Keepers:
    def __init__(
        self, ids: HeldIds, answers: KeptAnswers, envelopes: Envelopes, owed: Owed
    ) -> None:
        self.ids = ids
        self.answers = answers
        self.envelopes = envelopes
        self.owed = owed
        self._work: set[asyncio.Task[None]] = set()

    def see_to(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work to its end, even if the client leaves meanwhile."""
        task = asyncio.get_running_loop().create_task(work)
        # The loop itself holds tasks only weakly.
        self._work.add(task)
        task.add_done_callback(self._work.discard)
