"""Sessions that hold a token: where it goes, when it is renewed, what is said when it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import google.auth.credentials
import google.auth.exceptions
import pytest

from xpk.cloud.credentials import Credentials
from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Ambiguous, Call
from xpk.cloud.gke import Gke
from xpk.cloud.http import JsonHttp, new_session
from xpk.cloud.retry import Retrier
from xpk.errors import AccessError, UnreachableError

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeServer

READ = Call("read", "it", repeatable=True)
_base: Any = google.auth.credentials.Credentials


class Tokens(_base):  # type: ignore[misc]
    """Credentials of google-auth's own kind whose tokens are numbered."""

    def __init__(self, broken: Exception | None = None) -> None:
        super().__init__()
        self.count = 0
        self.broken = broken

    def refresh(self, request: object) -> None:
        if self.broken:
            raise self.broken
        self.count += 1
        self.token = f"secret-{self.count}"


def like_real(fake: FakeServer) -> Endpoints:
    return Endpoints(fake.url, fake.url, fake.url, fake.url, None, emulated=False)


def authorization(fake: FakeServer) -> list[str | None]:
    return [request.headers.get("Authorization") for request in fake.requests]


def test_a_token_is_sent_and_renewed_when_it_is_rejected(fake: FakeServer, retrier: Retrier) -> None:
    http = JsonHttp(new_session(like_real(fake), Credentials(Tokens())), retrier)
    fake.answer(401)
    fake.answer(body={"ok": True})
    assert http.request("GET", fake.url + "/x", READ) == {"ok": True}
    assert authorization(fake) == ["Bearer secret-1", "Bearer secret-2"]
    assert fake.requests[0].headers["User-Agent"].startswith("xpk/")
    http.close()


def test_a_netrc_file_does_not_replace_the_token(
    fake: FakeServer, retrier: Retrier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login someone password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    http = JsonHttp(new_session(like_real(fake), Credentials(Tokens())), retrier)
    fake.answer()
    http.request("GET", fake.url + "/x", READ)
    assert authorization(fake) == ["Bearer secret-1"]
    http.close()


def test_gke_sends_the_token_too(fake: FakeServer, retrier: Retrier) -> None:
    gke = Gke(like_real(fake), Credentials(Tokens()), retrier=retrier)
    fake.answer(body={"name": "c"})
    fake.answer(body={"name": "c"})
    gke.get_cluster("projects/p/locations/l/clusters/c")
    gke.get_cluster("v1beta1/projects/p/locations/l/clusters/c")
    assert authorization(fake) == ["Bearer secret-1"] * 2
    gke.close()


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (google.auth.exceptions.RefreshError("invalid_grant secret-x"), AccessError),  # type: ignore[no-untyped-call]
        (google.auth.exceptions.TransportError("timeout"), UnreachableError),  # type: ignore[no-untyped-call]
    ],
)
def test_no_token_to_be_had(
    fake: FakeServer, retrier: Retrier, broken: Exception, kind: type[Exception]
) -> None:
    gke = Gke(like_real(fake), Credentials(Tokens(broken)), retrier=retrier)
    with pytest.raises(kind) as caught:
        gke.send("DELETE", "/v1/projects/p/locations/l/clusters/c")
    assert not isinstance(caught.value, Ambiguous)
    assert "secret" not in str(caught.value)
    assert fake.requests == []
    gke.close()


def test_a_redirect_is_not_followed(fake: FakeServer, retrier: Retrier) -> None:
    http = JsonHttp(new_session(like_real(fake), Credentials(Tokens())), retrier)
    fake.answer(302, headers={"Location": fake.url + "/elsewhere"})
    with pytest.raises(Exception, match="302"):
        http.request("GET", fake.url + "/x", READ)
    assert fake.seen == ["GET /x"]
    http.close()
