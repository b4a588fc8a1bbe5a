"""Where credentials come from, and that their secrets stay inside."""

from __future__ import annotations

import json
import pickle
import subprocess
from pathlib import Path
from typing import Any

import google.auth
import google.auth.exceptions
import pytest

from xpk.cloud.credentials import Credentials, anonymous, application_default, credentials_for
from xpk.cloud.endpoints import emulated
from xpk.cloud.errors import Ambiguous
from xpk.cloud.retry import Retrier
from xpk.errors import AccessError, UnreachableError

USER = {
    "type": "authorized_user",
    "client_id": "id",
    "client_secret": "hidden-a",
    "refresh_token": "hidden-b",
}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def adc(tmp_path: Path, content: Any) -> None:
    path = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    path.parent.mkdir(parents=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_users_file_is_loaded_without_gcloud_and_without_a_word(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a child process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    adc(tmp_path, USER)
    credentials = application_default(env)
    assert credentials.google.refresh_token == "hidden-b"
    assert "hidden" not in repr(credentials) + str(credentials) + repr(vars(credentials).keys())
    assert capfd.readouterr() == ("", "")


def test_a_named_file_wins(env: dict[str, str], tmp_path: Path) -> None:
    adc(tmp_path, USER)
    named = tmp_path / "key.json"
    named.write_text(json.dumps(USER | {"refresh_token": "named"}))
    credentials = application_default(env | {"GOOGLE_APPLICATION_CREDENTIALS": str(named)})
    assert credentials.google.refresh_token == "named"


@pytest.mark.parametrize(
    "content", ["{", "{}", '{"type": "authorized_user"}', '{"type": "service_account"}', "[]"]
)
def test_an_unusable_file_names_the_login(env: dict[str, str], tmp_path: Path, content: str) -> None:
    adc(tmp_path, content)
    with pytest.raises(AccessError, match="cannot be read") as caught:
        application_default(env)
    assert caught.value.faults[0].fix == "gcloud auth application-default login"


def test_a_named_file_that_is_missing(env: dict[str, str]) -> None:
    with pytest.raises(AccessError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        application_default(env | {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json"})


def test_no_credentials_at_all(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(**_: object) -> None:
        raise google.auth.exceptions.DefaultCredentialsError("none")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(google.auth, "default", nothing)
    with pytest.raises(AccessError, match="no application default credentials") as caught:
        application_default(env)
    assert caught.value.faults[0].fix == "gcloud auth application-default login"


def test_an_emulator_gets_anonymous_ones_whatever_is_installed(env: dict[str, str], tmp_path: Path) -> None:
    adc(tmp_path, USER)
    credentials = credentials_for(emulated("http://127.0.0.1:1"), env)
    assert credentials.anonymous
    assert credentials.token(Retrier()) is None


def test_credentials_cannot_be_stored() -> None:
    with pytest.raises(TypeError, match="not stored"):
        pickle.dumps(anonymous())


class Failing:
    token = None
    expiry = None

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    def refresh(self, request: object) -> None:
        self.calls += 1
        raise self.error


def test_a_login_that_ran_out(retrier: Retrier) -> None:
    source = Failing(google.auth.exceptions.RefreshError("invalid_grant"))  # type: ignore[no-untyped-call]
    with pytest.raises(AccessError) as caught:
        Credentials(source).token(retrier)
    assert caught.value.faults[0].fix == "gcloud auth application-default login"
    assert source.calls == 1


def test_a_token_server_that_does_not_answer(retrier: Retrier) -> None:
    source = Failing(google.auth.exceptions.TransportError("timeout"))  # type: ignore[no-untyped-call]
    with pytest.raises(UnreachableError) as caught:
        Credentials(source).token(retrier)
    assert not isinstance(caught.value, Ambiguous)
    assert source.calls == 5
