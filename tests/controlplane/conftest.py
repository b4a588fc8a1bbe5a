"""Fixtures of the tier that runs on real controllers: one control plane for all tests of a worker.

Run it in one process, or with `-n N --dist loadgroup`: its tests are in three groups, so that three workers
share the work and no fourth starts a control plane: those that run on both servers, those of the program, and
those where hosts are lost and trainers run, which wait for Kubernetes most of their time.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator

import google.oauth2.credentials
import pytest

from tests.controlplane.build import NoGo, build
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.components import User
from tests.controlplane.differences import DIFFERENCES, FIELDS
from xpk.cloud.credentials import Credentials
from xpk.cloud.endpoints import real
from xpk.cloud.kube import Kube

MakeKube = Callable[..., Kube]


@pytest.fixture(scope="session")
def control_plane(pytestconfig: pytest.Config) -> Iterator[ControlPlane]:
    """The running control plane; the tier is skipped where nothing is built and Go is missing."""

    def announce(text: str) -> None:
        capture = pytestconfig.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(f"\n{text}", file=sys.stderr, flush=True)  # noqa: T201

    try:
        built = build(announce)
    except NoGo as error:
        pytest.skip(str(error))
    plane = ControlPlane(built)
    plane.start()
    try:
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def make_kube(control_plane: ControlPlane) -> Iterator[MakeKube]:
    """Xpk's own client, as the administrator or as `user`: a GKE cluster with an IP endpoint and its
    own CA, reached with an access token that does not expire."""
    made: list[Kube] = []

    def make(user: User | None = None) -> Kube:
        token = user.token if user else control_plane.token
        bearer = google.oauth2.credentials.Credentials(token=token)  # type: ignore[no-untyped-call]
        cluster = {
            "endpoint": control_plane.url.removeprefix("https://"),
            "masterAuth": {"clusterCaCertificate": base64.b64encode(control_plane.ca_pem.encode()).decode()},
        }
        made.append(Kube(real(), Credentials(bearer), "projects/p1/locations/us-east5/clusters/c1", cluster))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield make
    for kube in made:
        kube.close()


@pytest.fixture(scope="session")
def kube(make_kube: MakeKube) -> Kube:
    """The administrator's client."""
    return make_kube()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures to close with: also of `pytest tests/controlplane --collect-only -q`."""
    seen: dict[str, set[str]] = {}
    for place in _both_cases(terminalreporter):
        body, _, case = place.partition("[")
        servers = {"emulator", "real"} & set(case.rstrip("]").split("-"))
        seen.setdefault(body, set()).update(servers)
    both = [body for body, servers in seen.items() if servers == {"emulator", "real"}]
    if both:
        listed = len(DIFFERENCES) + len(FIELDS)
        terminalreporter.write_line(f"{len(both)} test bodies on both servers, {listed} differences listed")


def _both_cases(terminalreporter: pytest.TerminalReporter) -> set[str]:
    """The test cases of a run (also of xdist's workers) or of a collection that have a `side`."""
    ran = {
        report.nodeid
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport)
    }
    session = getattr(terminalreporter, "_session", None)
    collected = {item.nodeid for item in getattr(session, "items", ())}
    chosen = collected if terminalreporter.config.option.collectonly else ran
    return {place for place in chosen if "/test_both_" in place}
