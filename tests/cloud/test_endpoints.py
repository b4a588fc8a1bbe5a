"""Only this machine can be an emulator."""

from __future__ import annotations

import pytest

from xpk.cloud.endpoints import emulated, real
from xpk.errors import UsageError


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:8085", "http://127.0.0.1:8085"),
        ("http://127.0.0.1:8085/", "http://127.0.0.1:8085"),
        (" http://127.255.0.9:1\n", "http://127.255.0.9:1"),
        ("http://localhost:8085", "http://localhost:8085"),
        ("http://LOCALHOST:8085", "http://localhost:8085"),
        ("http://localhost", "http://localhost:80"),
        ("http://[::1]:8085", "http://[::1]:8085"),
    ],
)
def test_a_loopback_address(url: str, base: str) -> None:
    endpoints = emulated(url)
    assert endpoints.emulated
    assert endpoints.container == endpoints.storage == endpoints.resource_manager == base
    assert (endpoints.releases, endpoints.kubernetes) == (base + "/releases", base + "/kubernetes")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8085",
        "https://127.0.0.1:8085",
        "ftp://127.0.0.1",
        "http://10.0.0.1:8085",
        "http://example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com:1",
        "http://127.0.0.1@example.com/",
        "http://127.0.0.256",
        "http://127.1",
        "http://0.0.0.0:1",
        "http://[::ffff:127.0.0.1]:1",
        "http://[::1",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:1/path",
        "http://127.0.0.1:1?x=y",
        "http://user:secret@127.0.0.1:1",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        emulated(url)
    (fault,) = caught.value.faults
    assert "http://127.0.0.1:PORT" in fault.fix
    assert "secret" not in str(caught.value)


def test_the_real_cloud_is_reached_over_tls() -> None:
    endpoints = real()
    assert not endpoints.emulated
    assert endpoints.kubernetes is None
    for url in (endpoints.container, endpoints.storage, endpoints.resource_manager, endpoints.releases):
        assert url.startswith("https://")
