"""The bundle of clients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xpk.cloud.endpoints import real
from xpk.cloud.retry import Retrier
from xpk.cloud.session import Cloud
from xpk.errors import AccessError

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeServer

CLUSTER = "projects/p/locations/l/clusters/c"


def test_each_client_is_built_once(fake: FakeServer, retrier: Retrier) -> None:
    with Cloud(fake.endpoints, environ={}, retrier=retrier) as cloud:
        assert cloud.gke is cloud.gke
        assert cloud.storage is cloud.storage
        assert cloud.projects is cloud.projects
        assert cloud.kube(CLUSTER, {}) is cloud.kube(CLUSTER, {})
        assert cloud.kube(CLUSTER + "2", {}) is not cloud.kube(CLUSTER, {})
        assert fake.requests == []


def test_it_speaks(fake: FakeServer, retrier: Retrier) -> None:
    fake.answer(body={"name": "projects/7"})
    fake.answer(body={"name": "b"})
    fake.answer(body={"major": "1"})
    fake.answer(body=b"x: 1")
    with Cloud(fake.endpoints, environ={}, retrier=retrier) as cloud:
        assert cloud.projects.project_number("p") == "7"
        assert cloud.storage.bucket("b") == {"name": "b"}
        assert cloud.kube(CLUSTER, {}).get("/version") == {"major": "1"}
        assert cloud.fetch_release("/x") == b"x: 1"


def test_credentials_are_looked_for_late(tmp_path: Path) -> None:
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none.json")}
    with Cloud(real(), environ=environ) as cloud, pytest.raises(AccessError):
        _ = cloud.gke


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    fake: FakeServer, retrier: Retrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    fake.answer(body={"name": "c"})
    fake.answer(body={"name": "b"})
    fake.answer(body={"major": "1"})
    fake.answer(body=b"x: 1")
    with Cloud(fake.endpoints, environ={}, retrier=retrier) as cloud:
        assert cloud.gke.get_cluster(CLUSTER) == {"name": "c"}
        assert cloud.storage.bucket("b") == {"name": "b"}
        assert cloud.kube(CLUSTER, {}).get("/version") == {"major": "1"}
        assert cloud.fetch_release("/x") == b"x: 1"
