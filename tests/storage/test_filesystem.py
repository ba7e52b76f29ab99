"""On what kind of file system data is, as the system tells."""

from pathlib import Path

import pytest

from stockyard.errors import CannotStart
from stockyard.process import diskspace
from stockyard.settings import load
from stockyard.storage.filesystem import kind_of

MOUNTED = """\
/dev/vda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/me/fast tmpfs rw 0 0
//nas/share /mnt/with\\040space cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/stockyard", "ext4"),
        ("/home/me/.stockyard", "nfs4"),
        ("/home/me/fast/data", "tmpfs"),
        ("/mnt/with space/data", "cifs"),
        ("/homely", "ext4"),
    ],
)
def test_the_innermost_mount_counts(tmp_path: Path, folder: str, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTED)
    assert kind_of(Path(folder), mounts) == kind


def test_where_nothing_is_told_nothing_is_known(tmp_path: Path) -> None:
    assert kind_of(tmp_path, tmp_path / "none") == ""


def test_a_folder_on_a_network_is_refused_unless_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diskspace, "kind_of", lambda folder: "nfs")
    said = {"server.data_dir": str(tmp_path)}
    with pytest.raises(CannotStart) as refused:
        diskspace.refuse_network(load(said, {}, tmp_path))
    assert refused.value.exit_code == 78
    assert "--allow-network-fs" in refused.value.message
    diskspace.refuse_network(load({**said, "server.allow_network_fs": True}, {}, tmp_path))
