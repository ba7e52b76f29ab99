"""A Credential for Google: the file of a person who has signed in."""

import json

PERSON = json.dumps(
    {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
)
