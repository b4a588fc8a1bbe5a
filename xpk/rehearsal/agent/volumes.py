"""A pod's volumes as directories of this machine.

The multi-tier checkpointing driver's volume is the host's ramdisk, a GCS FUSE volume is the bucket's
directory, an emptyDir lives as long as the pod, ConfigMaps and Secrets are written out. What belongs to
the node's own file system or to a disk of the cloud has no stand-in and is refused, as a mount that fails.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from xpk.rehearsal.agent import injected
from xpk.rehearsal.agent.environment import Read
from xpk.rehearsal.agent.substitution import Substitution
from xpk.rehearsal.record.events import Host
from xpk.render.workload import RAMDISK_DRIVER

Json = dict[str, Any]
FUSE_DRIVER = "gcsfuse.csi.storage.gke.io"
_NOT_HERE = "a rehearsal has no {}: it would be one of this machine"


class NotMounted(Exception):
    """A volume cannot be mounted; the message is for the event FailedMount."""


@dataclass(frozen=True, slots=True)
class Source:
    """What stands behind a volume."""

    path: Path
    read_only: bool = False


class Volumes(Protocol):
    """What an agent asks for directories. `Directories` is the one of a rehearsal."""

    def mount(self, pod: Json, host: Host) -> dict[str, Source]:
        """The sources by volume name; a volume without one is left out. Raises NotMounted."""
        ...

    def unmount(self, pod: Json, host: Host) -> None:
        """The pod's processes are gone; what was only the pod's is removed. Fits a mount that failed, too."""
        ...

    def own(self, pod: Json, name: str, *, memory: bool = False) -> Path:
        """A directory that goes with the pod."""
        ...

    def host_lost(self, host: Host) -> None:
        """The machine is gone with all in its memory; its pods' processes are, too."""
        ...

    def bucket(self, name: str) -> Path:
        """The directory that stands for gs://name."""
        ...


class Space(Protocol):
    """A rehearsal's directories, as `xpk.rehearsal.hosts.space.Space`."""

    def ramdisk(self, host: Host) -> Path: ...
    def wipe_ramdisk(self, host: Host) -> None: ...
    def bucket(self, name: str) -> Path: ...
    def scratch(self, *names: str, memory: bool = False) -> Path: ...
    def discard(self, *names: str) -> None: ...


class Driver(Protocol):
    """The checkpointing driver's stand-in, as `xpk.rehearsal.driver.driver.Driver`."""

    def publish(
        self,
        host: Host,
        jobset: str,
        attempt: int,
        *,
        pod_uid: str = "",
        index: tuple[int, int] | None = None,
    ) -> None: ...
    def unpublish(self, host: Host, *, pod_uid: str = "") -> None: ...
    def host_lost(self, host: Host) -> None: ...


class Directories:
    """The volumes of a rehearsal. Safe to use from several threads for different pods.

    `driver` is asked for each pod with a ramdisk, before it starts and after it is gone.
    """

    def __init__(
        self, space: Space, driver: Driver | None, read: Read, tell: Callable[[Substitution], None]
    ) -> None:
        self._space = space
        self._driver = driver
        self._read = read
        self._tell = tell

    def mount(self, pod: Json, host: Host) -> dict[str, Source]:
        """As `Volumes`. The ramdisk is published last: the pod's other volumes are there by then."""
        found: dict[str, Source] = {}
        for volume in sorted(pod["spec"].get("volumes") or (), key=is_ramdisk):
            source = self._source(pod, host, volume)
            if source is not None:
                found[str(volume["name"])] = source
        return found

    def unmount(self, pod: Json, host: Host) -> None:
        """As `Volumes`."""
        if self._driver is not None and any(map(is_ramdisk, pod["spec"].get("volumes") or ())):
            self._driver.unpublish(host, pod_uid=_uid(pod))
        self._space.discard(_uid(pod))

    def host_lost(self, host: Host) -> None:
        """As `Volumes`."""
        self._space.wipe_ramdisk(host)
        if self._driver is not None:
            self._driver.host_lost(host)

    def bucket(self, name: str) -> Path:
        """As `Volumes`."""
        path = self._space.bucket(name)
        self._tell(Substitution(f"gs://{name}", f"gs://{name}", str(path), "no bucket is read or written"))
        return path

    def _source(self, pod: Json, host: Host, volume: Json) -> Source | None:
        kind = next((key for key in volume if key != "name"), "emptyDir")
        detail = volume.get(kind) or {}
        match kind:
            case "csi":
                return self._csi(pod, host, volume, detail)
            case "emptyDir":
                memory = detail.get("medium") == "Memory"
                return Source(self.own(pod, str(volume["name"]), memory=memory))
            case "configMap":
                return self._files(pod, volume, "configmaps", str(detail.get("name", "")), detail)
            case "secret":
                return self._files(pod, volume, "secrets", str(detail.get("secretName", "")), detail)
            case "projected" | "downwardAPI":
                why = "a rehearsal gives no tokens of the cluster to a command"
                self._tell(Substitution(f"{kind} volumes", kind, "nothing is mounted", why))
                return None
            case _:
                raise _refusal(volume, _NOT_HERE.format(f"{kind} volume"))

    def _csi(self, pod: Json, host: Host, volume: Json, detail: Json) -> Source:
        driver, read_only = detail.get("driver"), bool(detail.get("readOnly"))
        if driver == FUSE_DRIVER:
            return Source(self._mounted_bucket(volume, detail.get("volumeAttributes") or {}), read_only)
        if driver != RAMDISK_DRIVER:
            raise _refusal(volume, f"driver name {driver} not found in the list of registered CSI drivers")
        path = self._space.ramdisk(host)
        why = "one directory a host: it outlives pods and goes with the host"
        self._tell(Substitution("the hosts' ramdisks", RAMDISK_DRIVER, str(path.parent), why))
        if self._driver is not None:
            jobset = injected.label(pod, "jobset.sigs.k8s.io/jobset-name")
            namespace = pod["metadata"].get("namespace", "default")
            self._driver.publish(
                host,
                f"{namespace}/{jobset}",
                injected.attempt(pod),
                pod_uid=_uid(pod),
                index=injected.index(pod),
            )
        return Source(path, read_only)

    def _mounted_bucket(self, volume: Json, attributes: Json) -> Path:
        name = str(attributes.get("bucketName", ""))
        if name in ("", "_"):
            raise _refusal(volume, "a rehearsal needs the bucket's name")
        path = self.bucket(name)
        options = str(attributes.get("mountOptions", "")).split(",")
        only = [option.partition("=")[2] for option in options if option.startswith("only-dir=")]
        return inside(path, only[-1], volume) if only else path

    def own(self, pod: Json, name: str, *, memory: bool = False) -> Path:
        """As `Volumes`."""
        return self._space.scratch(_uid(pod), name, memory=memory)

    def _files(self, pod: Json, volume: Json, plural: str, name: str, detail: Json) -> Source | None:
        found = self._read(plural, str(pod["metadata"].get("namespace", "default")), name)
        if found is None and not detail.get("optional"):
            raise _refusal(volume, f'{plural[:-1]} "{name}" not found')
        path = self.own(pod, str(volume["name"]))
        paths = {str(one["key"]): str(one["path"]) for one in detail.get("items") or ()}
        for key, value in ((found or {}).get("data") or {}).items():
            if paths and key not in paths:
                continue
            target = inside(path, str(PurePosixPath(paths.get(key, key)).parent), volume)
            content = base64.b64decode(value) if plural == "secrets" else str(value).encode()
            (target / PurePosixPath(paths.get(key, key)).name).write_bytes(content)
        return Source(path, read_only=True)


def is_ramdisk(volume: Json) -> bool:
    """Whether a volume is the checkpointing driver's."""
    return (volume.get("csi") or {}).get("driver") == RAMDISK_DRIVER


def inside(path: Path, below: str, volume: Json) -> Path:
    """A directory below another one, made if it is missing. Raises NotMounted where it would lie outside."""
    parts = PurePosixPath(below.lstrip("/")).parts
    if ".." in parts:
        raise _refusal(volume, f"{below} leads out of the volume")
    found = path.joinpath(*parts)
    found.mkdir(parents=True, exist_ok=True)
    return found


def _refusal(volume: Json, why: str) -> NotMounted:
    return NotMounted(f'MountVolume.SetUp failed for volume "{volume.get("name")}" : {why}')


def _uid(pod: Json) -> str:
    return str(pod["metadata"]["uid"])
