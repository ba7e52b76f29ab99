"""Choose the model and the provider of a call: failover, modelalias."""
