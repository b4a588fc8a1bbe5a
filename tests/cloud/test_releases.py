"""Release manifests: size, redirects, and the flag that replaces a download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from xpk.cloud import releases
from xpk.cloud.endpoints import real
from xpk.cloud.errors import Call
from xpk.cloud.retry import Failed, Retrier
from xpk.errors import CloudError, UnreachableError

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeServer

PATH = "/kubernetes-sigs/jobset/releases/download/v0.12.0/manifests.yaml"
CALL = Call("fetch", "x", repeatable=True)


def test_the_bytes_come_unchanged(fake: FakeServer, retrier: Retrier) -> None:
    fake.answer(body=b"a: \xc3\xa9\r\n")
    assert releases.fetch(fake.endpoints, PATH, retrier=retrier) == b"a: \xc3\xa9\r\n"
    assert fake.seen == ["GET /releases" + PATH]
    assert "Authorization" not in fake.requests[0].headers


def test_a_redirect_is_followed(fake: FakeServer, retrier: Retrier) -> None:
    fake.answer(302, headers={"Location": fake.url + "/objects/1"})
    fake.answer(302, headers={"Location": "/objects/2"})
    fake.answer(body=b"x: 1")
    assert releases.fetch(fake.endpoints, PATH, retrier=retrier) == b"x: 1"
    assert fake.seen[1:] == ["GET /objects/1", "GET /objects/2"]


@pytest.mark.parametrize("location", ["http://example.com/x", "https://example.com/x", "file:///etc/passwd"])
def test_an_emulator_cannot_redirect_elsewhere(fake: FakeServer, retrier: Retrier, location: str) -> None:
    fake.answer(302, headers={"Location": location})
    with pytest.raises(CloudError, match="not allowed"):
        releases.fetch(fake.endpoints, PATH, retrier=retrier)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://objects.githubusercontent.com/x", True),
        ("http://objects.githubusercontent.com/x", False),
        ("http://127.0.0.1/x", False),
        ("https://user@example.com/", False),
        ("https://[", False),
        ("ftp://github.com/", False),
    ],
)
def test_where_the_real_one_may_redirect(url: str, allowed: bool) -> None:
    if allowed:
        releases._check(url, real(), CALL)
    else:
        with pytest.raises(Failed, match="redirects"):
            releases._check(url, real(), CALL)


def test_redirects_end(fake: FakeServer, retrier: Retrier) -> None:
    for _ in range(9):
        fake.answer(302, headers={"Location": "/again"})
    with pytest.raises(CloudError, match="too often"):
        releases.fetch(fake.endpoints, PATH, retrier=retrier)


def test_a_file_that_is_too_large(fake: FakeServer, retrier: Retrier) -> None:
    fake.answer(body=b"x" * 1001)
    with pytest.raises(CloudError, match="larger than 1000 bytes"):
        releases.fetch(fake.endpoints, PATH, retrier=retrier, max_bytes=1000)


@pytest.mark.parametrize(
    "reply", [{"status": 503}, {"drop": True}, {"cut": True, "body": b"half"}, {"body": b""}]
)
def test_a_download_is_repeated(fake: FakeServer, retrier: Retrier, reply: dict[str, Any]) -> None:
    fake.answer(**reply)
    fake.answer(body=b"whole")
    assert releases.fetch(fake.endpoints, PATH, retrier=retrier) == b"whole"


@pytest.mark.parametrize(
    ("path", "flag"), [(PATH, "--jobset-manifest"), (PATH.replace("jobset", "kueue"), "--kueue-")]
)
def test_every_failure_names_the_flag(fake: FakeServer, retrier: Retrier, path: str, flag: str) -> None:
    fake.answer(404)
    with pytest.raises(CloudError, match="404") as caught:
        releases.fetch(fake.endpoints, path, retrier=retrier)
    assert caught.value.faults[0].fix.startswith(flag)
    for _ in range(5):
        fake.answer(503)
    with pytest.raises(UnreachableError) as caught_later:
        releases.fetch(fake.endpoints, path, retrier=retrier)
    assert caught_later.value.faults[0].fix.startswith(flag)
