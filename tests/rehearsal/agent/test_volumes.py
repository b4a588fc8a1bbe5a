"""Volumes as directories, what the driver is told, and what is refused."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.agent.fakes import make_pod
from xpk.rehearsal.agent.substitution import Once, Substitution
from xpk.rehearsal.agent.volumes import FUSE_DRIVER, Directories, NotMounted
from xpk.rehearsal.record.events import Host
from xpk.render.workload import RAMDISK_DRIVER

Json = dict[str, Any]
HOST = Host(0, 1)
OBJECTS: dict[tuple[str, str, str], Json] = {
    ("configmaps", "ns", "m"): {"data": {"a": "1", "b": "2"}},
    ("secrets", "ns", "s"): {"data": {"pw": base64.b64encode(b"\x00x").decode()}},
}


@dataclass
class FakeSpace:
    root: Path
    notes: list[str] = field(default_factory=list)

    def _made(self, *names: str) -> Path:
        path = self.root.joinpath(*names)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def ramdisk(self, host: Host) -> Path:
        return self._made("ramdisk", str(host))

    def wipe_ramdisk(self, host: Host) -> None:
        self.notes.append(f"wipe {host}")

    def bucket(self, name: str) -> Path:
        return self._made("bucket", name)

    def scratch(self, *names: str, memory: bool = False) -> Path:
        return self._made("memory" if memory else "disk", *names)

    def discard(self, *names: str) -> None:
        self.notes.append(f"discard {'/'.join(names)}")


@dataclass
class FakeDriver:
    notes: list[str] = field(default_factory=list)

    def publish(
        self,
        host: Host,
        jobset: str,
        attempt: int,
        *,
        pod_uid: str = "",
        index: tuple[int, int] | None = None,
    ) -> None:
        self.notes.append(f"publish {host} {jobset} {attempt} {pod_uid} {index}")

    def unpublish(self, host: Host, *, pod_uid: str = "") -> None:
        self.notes.append(f"unpublish {host} {pod_uid}")

    def host_lost(self, host: Host) -> None:
        self.notes.append(f"lost {host}")


@dataclass
class Shelf:
    space: FakeSpace
    driver: FakeDriver
    told: list[Substitution]
    volumes: Directories


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    space, driver, told = FakeSpace(tmp_path), FakeDriver(), list[Substitution]()
    return Shelf(
        space, driver, told, Directories(space, driver, lambda *key: OBJECTS.get(key), Once(told.append))
    )


def with_volumes(*volumes: Json) -> Json:
    pod = make_pod(volumes=list(volumes))
    pod["metadata"]["labels"] = {
        "jobset.sigs.k8s.io/jobset-name": "w1",
        "jobset.sigs.k8s.io/job-index": "1",
        "batch.kubernetes.io/job-completion-index": "0",
        "jobset.sigs.k8s.io/restart-attempt": "2",
    }
    return pod


RAMDISK: Json = {"name": "ramdisk", "csi": {"driver": RAMDISK_DRIVER}}


def fuse(options: str = "implicit-dirs", **more: Any) -> Json:
    attributes = {"bucketName": "b1", "mountOptions": options}
    return {"name": "b", "csi": {"driver": FUSE_DRIVER, "volumeAttributes": attributes, **more}}


def test_the_ramdisk_is_the_hosts_and_the_driver_is_told(shelf: Shelf) -> None:
    pod = with_volumes(RAMDISK)
    assert shelf.volumes.mount(pod, HOST)["ramdisk"].path == shelf.space.ramdisk(HOST)
    shelf.volumes.unmount(pod, HOST)
    shelf.volumes.host_lost(HOST)
    assert shelf.driver.notes == [
        "publish slice 0 host 1 ns/w1 2 uid-p1 (1, 0)",
        "unpublish slice 0 host 1 uid-p1",
        "lost slice 0 host 1",
    ]
    assert shelf.space.notes == ["discard uid-p1", "wipe slice 0 host 1"]


def test_the_driver_is_told_only_when_all_else_is_mounted(shelf: Shelf) -> None:
    pod = with_volumes(RAMDISK, {"name": "m", "configMap": {"name": "none"}})
    with pytest.raises(NotMounted, match='configmap "none" not found'):
        shelf.volumes.mount(pod, HOST)
    assert shelf.driver.notes == []


def test_a_pod_without_a_ramdisk_is_none_of_the_drivers_business(shelf: Shelf) -> None:
    pod = with_volumes({"name": "e", "emptyDir": {}})
    shelf.volumes.mount(pod, HOST)
    shelf.volumes.unmount(pod, HOST)
    assert shelf.driver.notes == []


def test_a_bucket_is_a_directory_and_told_once(shelf: Shelf, tmp_path: Path) -> None:
    for volume, path in ((fuse(), "b1"), (fuse("implicit-dirs,only-dir=x/y", readOnly=True), "b1/x/y")):
        source = shelf.volumes.mount(with_volumes(volume), HOST)["b"]
        assert source.path == tmp_path / "bucket" / path
        assert source.path.is_dir()
        assert source.read_only == ("readOnly" in volume["csi"])
    assert [one.was for one in shelf.told] == ["gs://b1"]


def test_an_empty_dir_is_the_pods_own(shelf: Shelf, tmp_path: Path) -> None:
    pod = with_volumes({"name": "e", "emptyDir": {}}, {"name": "m", "emptyDir": {"medium": "Memory"}})
    found = shelf.volumes.mount(pod, HOST)
    assert found["e"].path == tmp_path / "disk" / "uid-p1" / "e"
    assert found["m"].path == tmp_path / "memory" / "uid-p1" / "m"


def test_config_maps_and_secrets_are_files(shelf: Shelf) -> None:
    items = [{"key": "a", "path": "deep/er/a.txt"}]
    found = shelf.volumes.mount(
        with_volumes(
            {"name": "m", "configMap": {"name": "m"}},
            {"name": "i", "configMap": {"name": "m", "items": items}},
            {"name": "s", "secret": {"secretName": "s"}},
            {"name": "o", "secret": {"secretName": "none", "optional": True}},
        ),
        HOST,
    )
    assert {path.name: path.read_text() for path in found["m"].path.iterdir()} == {"a": "1", "b": "2"}
    assert [str(path.relative_to(found["i"].path)) for path in found["i"].path.rglob("*.txt")] == [
        "deep/er/a.txt"
    ]
    assert (found["s"].path / "pw").read_bytes() == b"\x00x"
    assert list(found["o"].path.iterdir()) == []
    assert all(source.read_only for source in found.values())


def test_tokens_are_left_out_and_told(shelf: Shelf) -> None:
    assert shelf.volumes.mount(with_volumes({"name": "kube-api-access", "projected": {}}), HOST) == {}
    assert "tokens" in shelf.told[0].why


@pytest.mark.parametrize(
    ("volume", "why"),
    [
        ({"name": "v", "hostPath": {"path": "/etc"}}, "no hostPath volume: it would be one of this machine"),
        ({"name": "v", "persistentVolumeClaim": {"claimName": "x"}}, "no persistentVolumeClaim volume"),
        ({"name": "v", "csi": {"driver": "other"}}, "driver name other not found"),
        ({"name": "v", "csi": {"driver": FUSE_DRIVER}}, "needs the bucket's name"),
        (fuse("only-dir=../../x"), "leads out of the volume"),
        (
            {"name": "v", "configMap": {"name": "m", "items": [{"key": "a", "path": "../x/a"}]}},
            "leads out of the volume",
        ),
    ],
)
def test_refusals(shelf: Shelf, volume: Json, why: str) -> None:
    with pytest.raises(NotMounted, match=why) as refused:
        shelf.volumes.mount(with_volumes(volume), HOST)
    assert str(refused.value).startswith("MountVolume.SetUp failed for volume")
