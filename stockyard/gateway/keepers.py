"""Where the gateway remembers what outlives a call: three Ports that an app fulfils."""

from msgspec import Struct

from stockyard.core.ports import Envelopes, HeldIds, KeptAnswers


class Keepers(Struct, frozen=True, eq=False):
    ids: HeldIds
    answers: KeptAnswers
    envelopes: Envelopes
