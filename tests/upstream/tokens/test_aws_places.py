"""Where the services of AWS are asked, in each region."""

import pytest

from stockyard.errors import UpstreamError
from stockyard.upstream.tokens.aws_places import roles_url, sign_in_url


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("us-east-1", "amazonaws.com"),
        ("ap-southeast-3", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-northwest-1", "amazonaws.com.cn"),
        ("eusc-de-east-1", "amazonaws.eu"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("us-isob-east-1", "sc2s.sgov.gov"),
        ("eu-isoe-west-1", "cloud.adc-e.uk"),
        ("us-isof-south-1", "csp.hci.ic.gov"),
    ],
)
def test_every_region_has_services_of_its_own(region: str, domain: str) -> None:
    assert roles_url(region, {}) == f"https://sts.{region}.{domain}"
    assert sign_in_url(region, {}) == f"https://portal.sso.{region}.{domain}"


@pytest.mark.parametrize("region", ["", "evil.example/", "eu-west-1.evil.example", "x", "a-b-1@c"])
def test_a_name_that_is_no_region_is_refused(region: str) -> None:
    with pytest.raises(UpstreamError, match="region"):
        roles_url(region, {})
