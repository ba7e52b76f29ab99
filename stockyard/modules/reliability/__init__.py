"""What helps a call to succeed: idempotency, retrypilot."""
