"""Which model and which provider a call goes to: failover, modelalias."""
