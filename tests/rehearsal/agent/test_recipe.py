"""What is started for a container: whose variable wins, which directory is seen where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.agent.fakes import FakeVolumes, make_pod
from xpk.rehearsal.agent.environment import NotConfigured, Surroundings
from xpk.rehearsal.agent.recipe import Given, Order, hostname, recipe
from xpk.rehearsal.agent.volumes import NotMounted, Source
from xpk.rehearsal.hosts.launch import Bind, Launch

Json = dict[str, Any]


def made(
    tmp_path: Path,
    given: Given | None = None,
    mounted: Json | None = None,
    names: Path | None = None,
    **container: Any,
) -> Launch:
    """The launch of a container of a TPU pod of one host."""
    full = {"name": "c", "command": ["run"], "resources": {"limits": {"google.com/tpu": "1"}}, **container}
    order = Order(
        pod=make_pod(hostNetwork=True),
        container=full,
        hosts=1,
        mounted=mounted or {},
        around=Surroundings("h", "p", {}, lambda *_: None),
        given=given or Given(),
        log=tmp_path / "log",
        names=names,
    )
    return recipe(order, FakeVolumes(tmp_path))


def test_the_order_of_precedence(tmp_path: Path) -> None:
    given = Given(image={"A": "image", "B": "image", "HOSTNAME": "image"}, forced={"C": "forced"})
    env = [{"name": name, "value": "pod"} for name in ("B", "C", "TPU_WORKER_ID")]
    found = made(tmp_path, given, env=env).env
    assert found == {
        "A": "image",
        "B": "pod",
        "C": "forced",
        "HOSTNAME": "n1",
        "TPU_WORKER_ID": "pod",
        "TPU_WORKER_HOSTNAMES": "localhost",
    }


def test_a_command_sees_the_pods_variables_and_gkes_but_not_the_images(tmp_path: Path) -> None:
    words = ["x", "$(A)", "$(B)", "$(TPU_WORKER_ID)"]
    found = made(tmp_path, Given(image={"A": "1"}), command=words, env=[{"name": "B", "value": "2"}])
    assert found.argv == ("x", "$(A)", "2", "0")


def test_buckets_are_replaced_in_words_and_variables(tmp_path: Path) -> None:
    env = [{"name": "OUT", "value": "gs://b-1/x"}]
    found = made(tmp_path, command=["run", "--out=gs://b-1/y", "gs://b-2."], env=env)
    assert found.argv[1] == f"--out={tmp_path}/b-1/y"
    assert found.env["OUT"] == f"{tmp_path}/b-1/x"


def test_mounts(tmp_path: Path) -> None:
    mounts = [
        {"name": "a", "mountPath": "/local/"},
        {"name": "a", "mountPath": "/sub", "subPath": "deep/er", "readOnly": True},
        {"name": "a", "mountPath": "relative", "subPathExpr": "$(WHO)"},
        {"name": "absent", "mountPath": "/token"},
    ]
    env = [{"name": "WHO", "value": "me"}]
    found = made(tmp_path, mounted={"a": Source(tmp_path)}, volumeMounts=mounts, env=env)
    assert found.binds == (
        Bind("/local", tmp_path),
        Bind("/sub", tmp_path / "deep/er", read_only=True),
        Bind("/relative", tmp_path / "me"),
    )


def test_a_mount_hides_neither_buckets_nor_what_is_needed(tmp_path: Path) -> None:
    above, needed = str(tmp_path), tmp_path / "home"
    mounts = [{"name": "a", "mountPath": above}]
    found = made(
        tmp_path,
        Given(needed=(needed, Path("/elsewhere"))),
        {"a": Source(tmp_path / "empty")},
        command=["run", "gs://b1"],
        volumeMounts=mounts,
    )
    extra = [bind.inside for bind in found.binds[1:]]
    assert extra == [str(tmp_path / "b1"), str(needed)]


@pytest.mark.parametrize(
    ("mount", "why"),
    [
        ({"name": "a", "mountPath": "/"}, "over the root"),
        ({"name": "a", "mountPath": "/x", "subPath": "../.."}, "leads out"),
    ],
)
def test_bad_mounts(tmp_path: Path, mount: Json, why: str) -> None:
    with pytest.raises(NotMounted, match=why):
        made(tmp_path, mounted={"a": Source(tmp_path)}, volumeMounts=[mount])


def test_names_are_its_hosts_file_unless_it_mounts_its_own(tmp_path: Path) -> None:
    own = {"name": "a", "mountPath": "/etc/hosts"}
    names = tmp_path / "names"
    assert made(tmp_path, names=names).binds == (Bind("/etc/hosts", names, read_only=True),)
    found = made(tmp_path, mounted={"a": Source(tmp_path)}, names=names, volumeMounts=[own])
    assert found.binds == (Bind("/etc/hosts", tmp_path),)


def test_no_command_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="no image"):
        made(tmp_path, command=[])


def test_the_name_of_the_host() -> None:
    assert hostname(make_pod()) == "p1"
    assert hostname(make_pod(hostname="w1-0")) == "w1-0"
    assert hostname(make_pod(hostname="w1-0", hostNetwork=True)) == "n1"


def test_where_it_starts(tmp_path: Path) -> None:
    assert made(tmp_path, Given(cwd="/home")).cwd == "/home"
    assert made(tmp_path, Given(cwd="/home"), workingDir="/app").cwd == "/app"
