"""Get AWS keys in whichever way files and environment say."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from stockyard.upstream.tokens.aws_keys import AwsKeys
from stockyard.upstream.tokens.aws_roles import AwsRoles
from stockyard.upstream.tokens.aws_sign_in import AwsSignIn
from stockyard.upstream.tokens.aws_ways import Assumed, Found, Place, SignedIn, Vouched, Way


class KeySource(Protocol):
    async def fetch(self) -> AwsKeys: ...


class AwsIssuers(Struct, frozen=True):
    roles: AwsRoles
    sign_in: AwsSignIn
    places: Mapping[Place, KeySource]

    async def keys(self, way: Way) -> AwsKeys:
        """Keys that are got this way. Raises UpstreamError if there are none."""
        match way:
            case Found(place):
                return await self.places[place].fetch()
            case Assumed(by=by):
                return await self.roles.assumed(way, await self.keys(by))
            case Vouched():
                return await self.roles.vouched(way)
            case SignedIn():
                return await self.sign_in.keys(way)
            case AwsKeys():
                return way
