"""The flags of multi-tier checkpointing: what they become, and all their faults together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.catalog.slices import resolve
from xpk.errors import Fault, UsageError
from xpk.spec.mtc import Mtc, MtcFlags, check_mtc, mtc_warnings, parse_bucket, parse_toleration_key
from xpk.spec.quantity import Quantity

V6E = resolve("v6e-256")


def faults_of(flags: MtcFlags, tpu_type: str | None = "v6e-256") -> tuple[Fault, ...]:
    with pytest.raises(UsageError) as caught:
        check_mtc(flags, resolve(tpu_type) if tpu_type else None)
    return caught.value.faults


def made(flags: MtcFlags, tpu_type: str = "v6e-256") -> Mtc:
    mtc = check_mtc(flags, resolve(tpu_type))
    assert mtc is not None
    return mtc


def test_the_guide_s_line_with_its_output_path_as_bucket() -> None:
    mtc = made(MtcFlags(enabled=True, ramdisk_size="60000Mi", bucket="gs://bucket/runs/1/"))
    assert mtc == Mtc(Quantity("60000Mi", 60000 * 2**20), "bucket", "runs/1", "google.com/tpu", None)
    assert mtc_warnings(mtc, V6E) == ()


def test_a_size_can_be_computed() -> None:
    mtc = made(MtcFlags(enabled=True, model_params="70B", bucket="bucket"), "v5p-256")
    assert mtc.ramdisk.text == "57579Mi"
    assert mtc.sizing is not None
    assert mtc.sizing.params == 70 * 10**9


def test_another_toleration_key() -> None:
    mtc = made(MtcFlags(enabled=True, ramdisk_size="32G", bucket="b", toleration_key="example.com/tpu"))
    assert mtc.toleration_key == "example.com/tpu"
    assert mtc.toleration_keys == ("example.com/tpu", "google.com/tpu"), "GKE taints TPU nodes in any case"


def test_without_mtc_there_is_none() -> None:
    assert check_mtc(MtcFlags(), V6E) is None


def test_mtc_flags_without_mtc_are_a_fault_each() -> None:
    faults = faults_of(MtcFlags(ramdisk_size="60Gi", model_params="70B", bucket="gs://b", toleration_key="k"))
    assert [fault.what for fault in faults] == [
        "--mtc-ramdisk-size 60Gi",
        "--mtc-model-params 70B",
        "--mtc-gcs-bucket gs://b",
        "--mtc-toleration-key k",
    ]
    assert {fault.fix for fault in faults} == {"add --enable-mtc, or leave it out"}


def test_all_faults_come_together() -> None:
    faults = faults_of(MtcFlags(enabled=True, ramdisk_size="60", bucket="gs://B", toleration_key="a b"))
    assert [fault.what for fault in faults] == [
        "--mtc-ramdisk-size 60",
        "--mtc-gcs-bucket gs://B",
        "--mtc-toleration-key a b",
    ]
    assert faults[0].fix == "write 60Gi, or have it computed: --mtc-model-params 70B"


def test_mtc_needs_a_size_and_a_bucket() -> None:
    size, bucket = faults_of(MtcFlags(enabled=True))
    assert size.fix == "add --mtc-ramdisk-size 60Gi, or have it computed: --mtc-model-params 70B"
    assert bucket.fix == "add --mtc-gcs-bucket gs://BUCKET"


def test_a_given_and_a_computed_size_contradict_each_other() -> None:
    (fault,) = faults_of(MtcFlags(enabled=True, ramdisk_size="60Gi", model_params="70B", bucket="b"))
    assert fault.what == "--mtc-ramdisk-size 60Gi --mtc-model-params 70B"
    assert fault.fix == "keep one of them"


def test_a_size_over_the_host_s_ram_is_refused() -> None:
    (fault,) = faults_of(MtcFlags(enabled=True, ramdisk_size="800000Mi", bucket="b"), "v5p-128")
    assert "448 GB of a ct5p-hightpu-4t" in fault.why


def test_a_model_too_large_for_the_slice_is_refused() -> None:
    (fault,) = faults_of(MtcFlags(enabled=True, model_params="700B", bucket="b"), "v5p-64")
    assert fault.what == "--mtc-model-params 700B"
    assert fault.fix == "take v5p-640 (80 hosts) or larger"


def test_without_a_slice_type_the_rest_is_still_checked() -> None:
    (fault,) = faults_of(MtcFlags(enabled=True, model_params="70", bucket="b"), None)
    assert fault.what == "--mtc-model-params 70"
    (fault,) = faults_of(MtcFlags(enabled=True, model_params="70B", bucket="B"), None)
    assert fault.what == "--mtc-gcs-bucket B"


def test_a_ramdisk_that_takes_most_of_the_ram_is_warned_of() -> None:
    mtc = made(MtcFlags(enabled=True, ramdisk_size="600Gi", bucket="b"))
    (warning,) = mtc_warnings(mtc, V6E)
    assert "600Gi on each host: 89 % of the 720 GB of a ct6e-standard-4t" in warning


@pytest.mark.parametrize(
    ("text", "bucket", "path"),
    [
        ("b1", "b1", ""),
        ("gs://b1", "b1", ""),
        ("gs://b1/", "b1", ""),
        ("gs://b1/out/run-1", "b1", "out/run-1"),
        ("b1/out", "b1", "out"),
        ("gs://my_bucket.example-1.com", "my_bucket.example-1.com", ""),
        ("1" * 63, "1" * 63, ""),
        (".".join(["a" * 63] * 3), ".".join(["a" * 63] * 3), ""),
    ],
)
def test_buckets(text: str, bucket: str, path: str) -> None:
    assert parse_bucket(text) == (bucket, path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gs://",
        "gs:///path",
        "gs:/b1/path",
        "s3://b1",
        "https://storage.googleapis.com/b1",
        "My-Bucket",
        "-b1",
        "b1-",
        "b1\n",
        "b 1",
        "b1#x",
        "a..b",
        "a" * 64,
        ".".join(["a" * 63] * 4),
        "192.168.5.4",
        "goog-bucket",
        "my-google-bucket",
    ],
)
def test_other_buckets_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_bucket(text)
    (fault,) = caught.value.faults
    assert fault.what == f"--mtc-gcs-bucket {text or repr('')}"
    assert fault.fix == "write --mtc-gcs-bucket gs://BUCKET"


@given(st.from_regex(r"[a-z0-9]{3,10}(-[a-z0-9]{1,10}){0,4}", fullmatch=True), st.text(max_size=20))
def test_only_the_bucket_of_a_path_is_used(bucket: str, path: str) -> None:
    if "goog" not in bucket:
        assert parse_bucket(f"gs://{bucket}/{path}") == (bucket, path.strip("/"))


@pytest.mark.parametrize("key", ["google.com/tpu", "tpu", "a.b-c_d", "example.com/" + "k" * 63])
def test_keys_of_taints(key: str) -> None:
    assert parse_toleration_key(key) == key


@pytest.mark.parametrize(
    "key",
    ["", "/tpu", "google.com/", "a b", "Google.com/tpu", "a/b/c", "-a", "a" * 64, "a:NoSchedule", "tpu\n"],
)
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_toleration_key(key)
    assert caught.value.faults[0].fix.startswith("leave it out for google.com/tpu")
