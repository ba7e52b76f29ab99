"""Who counts as one behind addresses."""

import pytest

from stockyard.core.subscriber import subscriber


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no:address", "no:address"),
        ("", ""),
    ],
)
def test_all_addresses_of_one_subscriber_are_one(address: str, counted: str) -> None:
    assert subscriber(address) == counted
