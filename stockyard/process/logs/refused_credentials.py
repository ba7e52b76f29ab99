"""Log from which networks credentials were refused, once a minute."""

import logging

from stockyard.core.signals import CredentialsRefused

log = logging.getLogger("stockyard.auth.fail")

MOST_NETWORKS = 10
"""Named in one line; of the others it says only that there are more."""


def log_refused(signal: CredentialsRefused) -> None:
    named = [
        f"{count} from {network} ({why})" for count, why, network in signal.sums[:MOST_NETWORKS]
    ]
    if len(signal.sums) > MOST_NETWORKS:
        named.append("and more")
    log.warning("Credentials were refused: %s.", ", ".join(named))
