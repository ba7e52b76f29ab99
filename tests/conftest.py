"""What every test may ask for."""

from hypothesis import HealthCheck, settings

from stockyard.testing.fixtures import yard

__all__ = ["yard"]

# Both go by the clock, which on a busy machine says nothing about the code.
settings.register_profile("stockyard", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stockyard")
