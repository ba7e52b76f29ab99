"""The first start of an installation: make its Key and its admin credential, and show them once."""

from stockyard.apps.teams.admin import AdminCredential
from stockyard.apps.teams.keys import KeyRing
from stockyard.apps.teams.secret import KEY_PREFIX, new_secret
from stockyard.process.note import FirstRun, write_note
from stockyard.settings import Settings
from stockyard.storage.datafolder import DataFolder
from stockyard.storage.sqlite import SqliteDatabase

FIRST_KEY = "first-key"


async def prepare_first_run(
    settings: Settings, folder: DataFolder, database: SqliteDatabase, keys: KeyRing
) -> tuple[AdminCredential, FirstRun]:
    """The admin credential, and what was made just now; later starts make nothing.

    The secrets are written to the note before they take effect, and the Key comes last: a first
    start that is killed is a first start again, or has left its note.
    """
    first = not len(keys)
    admin, admin_secret = await AdminCredential.prepare(database, settings.admin_key, anew=first)
    key_secret = new_secret(KEY_PREFIX) if first else None
    made = FirstRun(
        key_secret.decode() if key_secret is not None else None,
        admin_secret,
        admin_given=settings.admin_key is not None,
    )
    if made:
        write_note(folder.path, made, f"http://127.0.0.1:{settings.server.port}")
    if key_secret is not None:
        await keys.create(FIRST_KEY, secret=key_secret)
    return admin, made
