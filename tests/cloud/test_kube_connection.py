"""Which address a cluster is reached at, and with which trust and token."""

from __future__ import annotations

import base64
import copy
import datetime
import ipaddress
import json
import re
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from xpk.cloud.credentials import Credentials
from xpk.cloud.endpoints import emulated, real
from xpk.cloud.errors import Call
from xpk.cloud.kube_connection import Connection, Target, as_yaml, target_of
from xpk.cloud.retry import Retrier
from xpk.errors import AccessError, StateError, UnreachableError

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeServer

NAME = "projects/p/locations/l/clusters/c"
PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
AUTH = {"masterAuth": {"clusterCaCertificate": base64.b64encode(PEM.encode()).decode()}}
READ = Call("get", "x", repeatable=True)


def control(**fields: Any) -> dict[str, Any]:
    return {"controlPlaneEndpointsConfig": fields}


@pytest.mark.parametrize(
    ("cluster", "target"),
    [
        (AUTH | {"endpoint": "1.2.3.4"}, Target("https://1.2.3.4", PEM)),
        (
            AUTH
            | {"endpoint": "1.2.3.4"}
            | control(dnsEndpointConfig={"endpoint": "uid.us-east5.gke.goog", "allowExternalTraffic": True}),
            Target("https://uid.us-east5.gke.goog", None),
        ),
        (
            AUTH | {"endpoint": "1.2.3.4"} | control(dnsEndpointConfig={"endpoint": "uid.us-east5.gke.goog"}),
            Target("https://1.2.3.4", PEM),
        ),
        (
            AUTH | control(ipEndpointsConfig={"enabled": True, "privateEndpoint": "10.0.0.2"}),
            Target("https://10.0.0.2", PEM),
        ),
        (AUTH | {"privateClusterConfig": {"privateEndpoint": "10.0.0.3"}}, Target("https://10.0.0.3", PEM)),
    ],
)
def test_target(cluster: dict[str, Any], target: Target) -> None:
    assert target_of(real(), NAME, cluster) == target


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ({}, "no endpoint"),
        (AUTH | {"endpoint": "1.2.3.4"} | control(ipEndpointsConfig={"enabled": False}), "no endpoint"),
        ({"endpoint": "1.2.3.4"}, "no CA certificate"),
        ({"endpoint": "1.2.3.4", "masterAuth": {"clusterCaCertificate": "!!"}}, "no CA certificate"),
    ],
)
def test_no_target(cluster: dict[str, Any], words: str) -> None:
    with pytest.raises(StateError, match=words):
        target_of(real(), NAME, cluster)


def test_the_emulators_address() -> None:
    target = target_of(emulated("http://127.0.0.1:1"), NAME, {})
    assert target == Target(f"http://127.0.0.1:1/kubernetes/{NAME}", None)


class Tokens:
    """Google credentials that count their renewals; the first token is good for a minute."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.expiry: datetime.datetime | None = None
        self.count = 0
        self.minutes = 60

    def refresh(self, request: object) -> None:
        self.count += 1
        self.token = f"secret-{self.count}"
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        self.expiry = now + datetime.timedelta(minutes=self.minutes)


def connection(
    fake: FakeServer, retrier: Retrier, tokens: Tokens, *, as_emulated: bool = False
) -> Connection:
    return Connection(Target(fake.url, None), Credentials(tokens), retrier, emulated=as_emulated)


def authorization(fake: FakeServer) -> list[str | None]:
    return [request.headers.get("Authorization") for request in fake.requests]


def test_a_token_is_used_until_it_is_old(fake: FakeServer, retrier: Retrier) -> None:
    tokens = Tokens()
    link = connection(fake, retrier, tokens)
    for _ in range(3):
        fake.answer()
    link.request("GET", "/api", READ)
    link.request("GET", "/api", READ)
    tokens.minutes = 60
    tokens.expiry = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(minutes=1)
    link.request("GET", "/api", READ)
    assert authorization(fake) == ["Bearer secret-1", "Bearer secret-1", "Bearer secret-2"]
    link.close()


def test_a_rejected_token_is_renewed_once(fake: FakeServer, retrier: Retrier) -> None:
    link = connection(fake, retrier, Tokens())
    fake.answer(401)
    fake.answer(body={"ok": True})
    assert link.request("GET", "/api", READ) == {"ok": True}
    fake.answer(401)
    fake.answer(401)
    with pytest.raises(AccessError):
        link.request("GET", "/api", READ)
    assert len(fake.requests) == 4
    link.close()


def test_a_real_token_is_never_sent_to_an_emulator(fake: FakeServer, retrier: Retrier) -> None:
    tokens = Tokens()
    link = connection(fake, retrier, tokens, as_emulated=True)
    fake.answer()
    link.request("GET", "/api", READ)
    assert authorization(fake) == [None]
    assert tokens.count == 0
    link.close()


def test_a_redirect_does_not_take_the_token_elsewhere(fake: FakeServer, retrier: Retrier) -> None:
    link = connection(fake, retrier, Tokens())
    fake.answer(307, headers={"Location": fake.url + "/elsewhere"})
    with pytest.raises(Exception, match="307"):
        link.request("GET", "/api", READ)
    assert fake.seen == ["GET /api"]
    link.close()


def test_the_configuration_can_be_copied(fake: FakeServer, retrier: Retrier) -> None:
    link = connection(fake, retrier, Tokens())
    copied = copy.deepcopy(link._api.configuration)
    assert copied.get_api_key_with_prefix("authorization") == "Bearer secret-1"
    link.close()


def self_signed() -> tuple[str, str]:
    """A certificate for 127.0.0.1 that is its own CA, and its key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cluster")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


class Version(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ok": true}')

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A TLS server's address and the CA that it is signed with."""
    certificate, key = self_signed()
    (tmp_path / "both.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    server = HTTPServer(("127.0.0.1", 0), Version)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", certificate
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_clusters_own_ca_is_trusted_and_no_other(tls: tuple[str, str], retrier: Retrier) -> None:
    host, ca = tls
    good = Connection(Target(host, ca), Credentials(Tokens()), retrier, emulated=False)
    assert good.request("GET", "/version", READ) == {"ok": True}
    good.close()
    for wrong in (self_signed()[0], None):
        bad = Connection(Target(host, wrong), Credentials(Tokens()), retrier, emulated=False)
        with pytest.raises(UnreachableError, match="TLS") as caught:
            bad.request("GET", "/version", READ)
        assert "secret" not in str(caught.value)
        bad.close()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_applys_body_is_json_and_yaml(value: str) -> None:
    """An API server reads it as YAML, in which a character has one escape and not two halves."""
    body = as_yaml({"k": value})
    assert json.loads(body) == {"k": value}
    assert yaml.safe_load(body) == {"k": value}
    assert re.search(rb"(?<!\\)(\\\\)*\\u[dD][89abAB]", body) is None
