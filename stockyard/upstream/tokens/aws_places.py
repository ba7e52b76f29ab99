"""The URLs of the two services that give out AWS keys of roles, in each region.

The environment may name other URLs, in the same variables as for AWS's tools.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

import re
from collections.abc import Mapping

from stockyard.errors import UpstreamError

_REGION = re.compile(r"[a-z]{2,5}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}
"""Prefix of the names of separate regions -> their domain."""
_DOMAIN = "amazonaws.com"


def roles_url(region: str, environ: Mapping[str, str]) -> str:
    """The service that lets others assume roles (STS)."""
    return _given(environ, "STS") or f"https://sts.{region}.{_domain(region)}"


def sign_in_url(region: str, environ: Mapping[str, str]) -> str:
    """The service for people who signed in (IAM Identity Center)."""
    return _given(environ, "SSO") or f"https://portal.sso.{region}.{_domain(region)}"


def _given(environ: Mapping[str, str], service: str) -> str:
    given = environ.get(f"AWS_ENDPOINT_URL_{service}") or environ.get("AWS_ENDPOINT_URL", "")
    return given.strip().rstrip("/")


def _domain(region: str) -> str:
    # The region becomes part of an address, so it must be nothing else.
    if not _REGION.fullmatch(region):
        what = "The region for the keys of AWS is missing, or is not one."
        raise UpstreamError("auth", what, nothing_sent=True)
    return next((d for begin, d in _DOMAINS.items() if region.startswith(begin)), _DOMAIN)
