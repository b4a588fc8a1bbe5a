"""Texts that people may type as command, value or name, and the same texts as the server has them.

The strategies are those of the property tests of spec and render, so that what those tests say of
our code is asked of Kubernetes as well. Each run generates the same texts.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.render.conftest import kubernetes_expand
from tests.render.test_workload_command import ANY, SYNTAX, shell_text
from tests.spec.test_environment import VALUES
from tests.spec.test_names import legal_names

SAME_EACH_TIME = settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NAMES = legal_names
"""Names of workloads, most of them fit."""
LOOKALIKES = (
    *("y", "Y", "n", "N", "yes", "No", "on", "OFF", "true", "~", "null", "NULL", "", " ", "=", "<<"),
    *("-", "---", "0", "-1", "+1", "007", "08", "0o17", "0b11", "0x1F", "1_000", "1e3", "1E3", "1."),
    *(".5", "1e", "12:30:00", "2001-01-01", "2001-01-01T00:00:00Z", ".inf", "-.Inf", ".nan", "1,2"),
    *("{}", "[]", "!x", "&x", "*x", "%x", "a: b", "a #b", "# a", "'a'", '"a"', "a\nb", "a\n", "\ta"),
    *("a ", "\ufeffa", "\u2028", "\U0001f600", "? a", "@a", "`a", "|", ">-", "a:", "-\ta", "\\n", "..."),
)
"""Texts that a reader of YAML takes for something else when they are not quoted."""
PIECES = (
    *("\n", "\r\n", "\r", "\n\n", "\t", "\\", "'", '"', "'''", "`", "$", "$$", "$(X)", "$$(X)", "${X}", "$("),
    *("\U0001f600", "\U0010ffff", "\U00010000", "\u00fc", "$\u00fc", "\ud7ff", "\ue000", "\ufeff", "\ufffd"),
    *("\x01", "\x07", "\x1b[0m", "\x7f", "\x85", "\u2028", "\u2029", "\u00a0", "{{ x }}", "{% x %}", "<!--"),
)
"""What texts are spoilt by: line ends, quotes, references, letters beyond U+FFFF, control characters."""
EVERYTHING = {f"V{number}": text for number, text in enumerate((*LOOKALIKES, *PIECES))}
"""All of these at once, as variables."""
_PLANTED = st.lists(st.sampled_from((*PIECES, *LOOKALIKES)) | VALUES, min_size=1, max_size=6).map("".join)
_ENV_NAMES = st.from_regex(r"[-_a-zA-Z][-._a-zA-Z0-9]{0,20}", fullmatch=True)
ENVIRONMENTS: st.SearchStrategy[dict[str, str]] = st.dictionaries(
    _ENV_NAMES, VALUES | _PLANTED, min_size=1, max_size=6
)
COMMANDS: st.SearchStrategy[str] = st.one_of(ANY, shell_text(), SYNTAX, _PLANTED).filter(
    lambda t: bool(t.strip())
)
_numbers = itertools.count(1)


def new_name() -> str:
    """A workload's name that no other has."""
    return f"w{next(_numbers)}"


def container(jobset: Json) -> Json:
    """The one container of a JobSet's pods."""
    pod = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    found: Json = pod["containers"][0]
    return found


def seen(found: Json) -> tuple[str, dict[str, str]]:
    """The command and the variables as such a container sees them, after Kubernetes' expansion."""

    def expanded(text: str) -> str:
        return kubernetes_expand(text.encode()).decode()

    values = {entry["name"]: entry.get("value", "") for entry in found["env"] if "valueFrom" not in entry}
    return expanded(found["command"][-1]), {name: expanded(value) for name, value in values.items()}


def typed(command: str, env: Mapping[str, str], jobset: Json) -> tuple[str, dict[str, str]]:
    """What a person typed, with the variables that xpk adds."""
    own = {e["name"]: e["value"] for e in container(jobset)["env"] if "value" in e and e["name"] not in env}
    return command, {**own, **env}


def check_stored(plane: ControlPlane, path: str, planned: Json, command: str, env: Mapping[str, str]) -> Json:
    """Compare what is stored with what was planned and with what was typed; then remove it."""
    stored: dict[str, Any] = plane.api.get(path) or {}
    plane.api.request("DELETE", path, query={"propagationPolicy": "Background"})
    mine, its = container(planned), container(stored)
    assert its["command"] == mine["command"]
    assert its["env"] == mine["env"]
    assert seen(its) == typed(command, env, planned)
    return stored
