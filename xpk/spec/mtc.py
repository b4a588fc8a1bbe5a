"""Multi-tier checkpointing as it is asked for: ramdisk, bucket and toleration.

Not here: what GKE needs for it on the cluster (`plan/`), nor whether the bucket exists
(`engine/observe`).
"""

from __future__ import annotations

import re
from typing import Final

from xpk.catalog.slices import SliceType
from xpk.errors import Fault, FaultCollector, UsageError
from xpk.frozen import dataclass
from xpk.spec.fit import fit, fit_of, misfit
from xpk.spec.quantity import Quantity, parse_quantity
from xpk.spec.sizing import Sizing, parse_params, required_ramdisk

RAMDISK_FLAG: Final = "--mtc-ramdisk-size"
PARAMS_FLAG: Final = "--mtc-model-params"
BUCKET_FLAG: Final = "--mtc-gcs-bucket"
TOLERATION_FLAG: Final = "--mtc-toleration-key"
DEFAULT_TOLERATION_KEY: Final = "google.com/tpu"
"""The key of the taint that GKE puts on TPU nodes."""


@dataclass(frozen=True, slots=True)
class Mtc:
    """What the CheckpointConfiguration of a cluster shall say.

    `ramdisk` is the size on each host. `bucket` has no `gs://`. `ignored_path` is what followed
    the bucket in the flag, without its slash, or empty: MTC uses the bucket alone.
    `sizing` is how the ramdisk was computed, None where its size was given.
    """

    ramdisk: Quantity
    bucket: str
    ignored_path: str = ""
    toleration_key: str = DEFAULT_TOLERATION_KEY
    sizing: Sizing | None = None

    @property
    def toleration_keys(self) -> tuple[str, ...]:
        """The taints that the driver tolerates: GKE's own is on every TPU node, whatever else is."""
        return tuple(dict.fromkeys((self.toleration_key, DEFAULT_TOLERATION_KEY)))


@dataclass(frozen=True, slots=True)
class MtcFlags:
    """The flags as they were typed; None where one was not given."""

    enabled: bool = False
    ramdisk_size: str | None = None
    model_params: str | None = None
    bucket: str | None = None
    toleration_key: str | None = None

    def given(self) -> list[str]:
        """The MTC flags with their values, without `--enable-mtc`."""
        pairs = (
            (RAMDISK_FLAG, self.ramdisk_size),
            (PARAMS_FLAG, self.model_params),
            (BUCKET_FLAG, self.bucket),
            (TOLERATION_FLAG, self.toleration_key),
        )
        return [f"{flag} {value}".rstrip() for flag, value in pairs if value is not None]


def check_mtc(flags: MtcFlags, slice_type: SliceType | None) -> Mtc | None:
    """Turn the flags into an `Mtc`, or None where MTC was not asked for.

    `slice_type` is None where the TPU type itself is at fault: what depends on it is left out
    then. Raises `UsageError` with all faults of the MTC flags.
    """
    faults = FaultCollector()
    if not flags.enabled:
        for given in flags.given():
            faults.add(given, "means nothing without --enable-mtc", "add --enable-mtc, or leave it out")
        faults.raise_if_any()
        return None
    ramdisk: Quantity | None = None
    sizing: Sizing | None = None
    bucket = path = ""
    key = DEFAULT_TOLERATION_KEY
    with faults.gather():
        ramdisk, sizing = _ramdisk(flags, slice_type)
    with faults.gather():
        bucket, path = parse_bucket(_required_bucket(flags.bucket))
    if flags.toleration_key is not None:
        with faults.gather():
            key = parse_toleration_key(flags.toleration_key)
    faults.raise_if_any()
    return Mtc(ramdisk, bucket, path, key, sizing) if ramdisk is not None else None


def mtc_warnings(mtc: Mtc, slice_type: SliceType) -> tuple[str, ...]:
    """What is allowed but unwise, one sentence each, without a full stop."""
    beside = fit(mtc.ramdisk, slice_type.machine) if mtc.sizing is None else fit_of(mtc.sizing)
    if not beside.tight:
        return ()
    share = f"{beside.percent} % of the {beside.machine.ram_gb} GB of a {beside.machine.name}"
    return (f"ramdisk of {mtc.ramdisk.text} on each host: {share}; the trainer may run out of memory",)


def _required_bucket(text: str | None) -> str:
    if text is None:
        raise UsageError(
            Fault("--enable-mtc", "needs a bucket for its backups", f"add {BUCKET_FLAG} gs://BUCKET")
        )
    return text


def _ramdisk(flags: MtcFlags, slice_type: SliceType | None) -> tuple[Quantity | None, Sizing | None]:
    """The size from whichever flag gives it. (None, None) where only the slice type is missing."""
    size, params = flags.ramdisk_size, flags.model_params
    if size is not None and params is not None:
        what = f"{RAMDISK_FLAG} {size} {PARAMS_FLAG} {params}"
        raise UsageError(Fault(what, "both say how large the ramdisk is", "keep one of them"))
    if params is not None:
        count = parse_params(params, PARAMS_FLAG)
        if slice_type is None:
            return None, None
        sizing = required_ramdisk(count, slice_type)
        _refuse_misfit(misfit(fit_of(sizing), f"{PARAMS_FLAG} {params}", sizing))
        return sizing.quantity, sizing
    if size is None:
        fix = f"add {RAMDISK_FLAG} 60Gi, or have it computed: {PARAMS_FLAG} 70B"
        raise UsageError(Fault("--enable-mtc", "needs the size of the ramdisk on each host", fix))
    ramdisk = parse_quantity(size, RAMDISK_FLAG, f", or have it computed: {PARAMS_FLAG} 70B")
    if slice_type is not None:
        _refuse_misfit(misfit(fit(ramdisk, slice_type.machine), f"{RAMDISK_FLAG} {size}"))
    return ramdisk, None


def _refuse_misfit(fault: Fault | None) -> None:
    if fault is not None:
        raise UsageError(fault)


def parse_bucket(text: str, flag: str = BUCKET_FLAG) -> tuple[str, str]:
    """`b`, `gs://b` or `gs://b/path` as (bucket, path without its first and last slash).

    Raises `UsageError` where the name breaks Cloud Storage's rules
    (cloud.google.com/storage/docs/buckets#naming). Not checked is the least length of three:
    that a bucket `b1` does not exist is Cloud Storage's to say, and shortened examples have such.
    """
    bucket, _, path = text.removeprefix("gs://").partition("/")
    why = _bucket_fault(bucket)
    if why:
        raise UsageError(Fault(f"{flag} {text or repr('')}", why, f"write {flag} gs://BUCKET"))
    return bucket, path.strip("/")


def _bucket_fault(bucket: str) -> str:
    parts = bucket.split(".")
    if not re.fullmatch(r"[a-z0-9](?:[-_.a-z0-9]*[a-z0-9])?", bucket, re.ASCII):
        return "a bucket's name has only a-z, 0-9, -, _ and . and starts and ends with a letter or digit"
    if len(bucket) > 222 or max(map(len, parts)) > 63 or "" in parts:
        return "a bucket's name has at most 63 characters, or parts of 1 to 63 between dots"
    if len(parts) == 4 and all(part.isdigit() for part in parts):
        return "a bucket's name is not an IP address"
    if bucket.startswith("goog") or "google" in bucket:
        return "Cloud Storage allows no bucket's name with goog in front or google in it"
    return ""


def parse_toleration_key(text: str, flag: str = TOLERATION_FLAG) -> str:
    """The key of a taint: Kubernetes' rule for label keys, `[prefix/]name`. Raises `UsageError`."""
    prefix, slash, name = text.rpartition("/")
    legal = re.fullmatch(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", name, re.ASCII)
    if slash:
        domain = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
        legal = legal and re.fullmatch(rf"{domain}(?:\.{domain})*", prefix, re.ASCII)
    if not legal or len(prefix) > 253:
        fix = f"leave it out for {DEFAULT_TOLERATION_KEY}, or write the key of your nodes' taint"
        raise UsageError(Fault(f"{flag} {text or repr('')}", "not a key of a taint", fix))
    return text
