"""Recorded traffic of clouds by their native routes: bytes stay, models and counts are read."""

from pathlib import Path

import pytest

from tests.traffic.passing import pass_through
from tests.traffic.recordings import ABSENT, ROOT, recordings
from tests.traffic.verdict import SAME

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)


@pytest.mark.parametrize(
    ("cloud", "all_of_them", "counted"),
    [("azure", 111, 69), ("azure-foundry", 59, 45), ("vertex", 119, 100), ("watsonx", 12, 0)],
)
async def test_every_recording_comes_through_as_it_is(
    cloud: str, all_of_them: int, counted: int, tmp_path: Path
) -> None:
    chosen = [recording for recording in recordings() if recording.provider == cloud]
    passages = await pass_through(chosen, tmp_path)
    assert len(passages) == len(chosen) == all_of_them
    told = {which: (p.forwarded, p.metered) for which, p in passages.items()}
    failed = {which: both for which, both in told.items() if "failed" in {v.kind for v in both}}
    assert failed == {}
    assert sum(metered is SAME for _, metered in told.values()) >= counted
