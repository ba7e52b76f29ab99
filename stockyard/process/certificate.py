"""Check the listener's certificate at the start."""

from datetime import UTC, datetime
from pathlib import Path

from stockyard.errors import CannotStart


def refuse_expired(path: Path, now: datetime | None = None) -> None:
    """Raises CannotStart (78). Other faults of the file are reported when TLS loads it."""
    # Late: only a start with TLS needs it, and it takes 50 ms to import.
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return
    ends = certificate.not_valid_after_utc
    if ends < (now or datetime.now(UTC)):
        raise CannotStart(78, f"The certificate expired on {ends:%Y-%m-%d} ({path}): renew it.")
