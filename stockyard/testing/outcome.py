"""The outcome of one call, as the gateway announces it."""

from stockyard.core.exchange import Exchange


class Outcome:
    """A finished Exchange, in the few words a test compares."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.status = exchange.status
        self.streamed = exchange.streamed
        self.abandoned = exchange.abandoned
        self.usage = exchange.usage
        self.error = exchange.error
        self.refused_by = exchange.refused_by

    @property
    def attempts(self) -> list[str]:
        """Every try as provider and status, or as provider and what went wrong without one."""
        return [
            f"{attempt.target.provider} {attempt.status or attempt.error}"
            for attempt in self.exchange.attempts
        ]

    @property
    def outcomes(self) -> list[str | None]:
        """How every try ended: ok, failed, partial or abandoned."""
        return [attempt.outcome for attempt in self.exchange.attempts]

    @property
    def findings(self) -> list[str]:
        """What modules noticed, as module and action."""
        return [f"{finding.module} {finding.action}" for finding in self.exchange.findings]

    @property
    def strip(self) -> list[str]:
        """Which hooks ran, as module and hook, in order."""
        return [f"{step.module} {step.hook}" for step in self.exchange.strip]
