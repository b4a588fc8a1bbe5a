"""GKE versions in release order, and the pinned releases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.catalog.versions import (
    FUSE_HOST_NETWORK,
    JOBSET,
    KUEUE,
    MTC_DOCUMENTED,
    MTC_FLOOR,
    GkeVersion,
    Release,
)
from xpk.errors import UsageError

numbers = st.integers(min_value=0, max_value=9_999_999)
versions = st.builds(GkeVersion, numbers, numbers, numbers, numbers)


@given(versions)
def test_a_version_reads_back(version: GkeVersion) -> None:
    assert GkeVersion.parse(str(version)) == version


@given(versions, versions)
def test_versions_compare_by_number_and_not_by_letter(one: GkeVersion, other: GkeVersion) -> None:
    numbers_of = [(v.major, v.minor, v.patch, v.gke) for v in (one, other)]
    assert (one < other) == (numbers_of[0] < numbers_of[1])


def test_the_order_that_text_would_get_wrong() -> None:
    assert GkeVersion.parse("1.9.0-gke.1") < GkeVersion.parse("1.32.4-gke.999999") < MTC_DOCUMENTED


def test_the_document_s_example_lies_between_the_two_bounds() -> None:
    assert MTC_FLOOR < GkeVersion.parse("1.32.3-gke.1785000") < MTC_DOCUMENTED < FUSE_HOST_NETWORK


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.33",
        "1.33.5",
        "latest",
        "1.33.5-gke",
        "1.33.5-gke.",
        "1.33-gke.1201000",
        "v1.33.5-gke.1201000",
        "1.33.5-gke.1201000-1",
        "1.33.5.1-gke.1201000",
        "1.33.5-gke.1201000 ",
        "1.033.5-gke.1201000",
        "1.-3.5-gke.1201000",
        "1.33.5-gke.١",
        "1.33.5-gke." + "9" * 5000,
    ],
)
def test_what_is_not_a_complete_version_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        GkeVersion.parse(text, "--gke-version")
    (fault,) = caught.value.faults
    assert fault.what == f"--gke-version {text}".strip()
    assert str(MTC_DOCUMENTED) in fault.fix


@pytest.mark.parametrize("release", [JOBSET, KUEUE])
def test_a_release_is_pinned_to_one_version_of_its_own_repository(release: Release) -> None:
    name = release.component.lower()
    assert release.path == f"/kubernetes-sigs/{name}/releases/download/{release.version}/manifests.yaml"
    assert release.namespace == f"{name}-system"
    assert release.deployment == f"{name}-controller-manager"
    assert release.image.endswith(f"/{name}/{name}")
