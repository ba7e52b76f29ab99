"""Guard what goes to a model and what comes back: secretscan, promptguard."""
