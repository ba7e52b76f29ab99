"""What helps a call to succeed: retrypilot."""
