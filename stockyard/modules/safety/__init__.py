"""What may go to a model and come back: secretscan, promptguard."""
