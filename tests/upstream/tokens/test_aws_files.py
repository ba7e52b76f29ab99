"""Files of AWS: whatever stands in them is read or refused, and no profile leads in a circle."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import UpstreamError
from stockyard.upstream.tokens.aws_files import AwsFiles, files_of
from stockyard.upstream.tokens.aws_ways import way_of_chain, way_of_profile


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_files_are_read_or_refused(credentials: bytes, config: bytes) -> None:
    try:
        files = files_of(credentials, config)
    except UpstreamError:
        return
    for profile in {*files.credentials, *files.config, "default"}:
        with suppress(UpstreamError):
            way_of_chain(files, profile, {})


NAMES = st.sampled_from(["a", "b", "c", "d"])
SECTION = st.fixed_dictionaries(
    {},
    optional={
        "role_arn": st.just("arn"),
        "source_profile": NAMES,
        "credential_source": st.sampled_from(["Environment", "Moon"]),
        "aws_access_key_id": st.just("AKIA"),
        "aws_secret_access_key": st.just("s"),
        "web_identity_token_file": st.just("/t"),
    },
)


@given(st.dictionaries(NAMES, SECTION), st.dictionaries(NAMES, SECTION))
def test_profiles_that_name_each_other_come_to_an_end(
    credentials: dict[str, dict[str, str]], config: dict[str, dict[str, str]]
) -> None:
    files = AwsFiles(credentials, config)
    for profile in {*credentials, *config}:
        with suppress(UpstreamError):
            assert way_of_profile(files, profile)
