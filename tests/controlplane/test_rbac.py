"""docs/rbac.yaml as a file: what a person reads there, applies and binds."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.controlplane import rbac
from tests.controlplane.cluster import ControlPlane

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]


def test_each_right_stands_once_in_a_role() -> None:
    assert len(rbac.RIGHTS) == len(set(rbac.RIGHTS))


def test_no_role_gives_what_only_an_administrator_should_have_but_the_one_that_says_so() -> None:
    wide = {"*", "escalate", "bind", "impersonate"}
    assert {right.role for right in rbac.RIGHTS if wide & set(right[1:])} == {"cluster-install"}
    assert "*" not in {word for right in rbac.RIGHTS for word in right[1:]}


def test_each_role_says_which_command_it_serves() -> None:
    parts = rbac.FILE.read_text(encoding="utf-8").split("\n---\n")[1:]
    for part, role in zip(parts, rbac.manifests(), strict=True):
        comment = part.partition("apiVersion:")[0]
        words = role["metadata"]["name"].split("-")[:3]
        assert (
            comment.startswith(f"# {' '.join(words)}") or "In addition to xpk-" in comment.partition("\n")[0]
        )


def test_kubectl_takes_the_file(control_plane: ControlPlane, tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl on PATH: it is what applies the file")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KUBECONFIG": control_plane.kubeconfig(),
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        ["kubectl", "apply", "--validate=strict", "-f", str(rbac.FILE)],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    names = {role["metadata"]["name"] for role in control_plane.api.items(rbac.ROLES)}
    assert names >= {role["metadata"]["name"] for role in rbac.manifests()}
