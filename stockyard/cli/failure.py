"""A verb that failed, and its exit code (`api.md` 6)."""

from stockyard.errors import StockyardError

FAILED = 1
WRONG_USE = 2
PARTLY_DONE = 3
UNREACHABLE = 4
REFUSED = 5
CONFLICT = 6


class VerbError(StockyardError):
    """Reported to the user in one line."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
