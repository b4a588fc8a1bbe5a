"""Flags of gcloud as a program: how it prints, who it is, and where it works.

None of them is a field of a request. What only shapes gcloud's own output is ignored; what
would change who asks, or where, is refused, since dropping it would ask something else.
"""

from __future__ import annotations

from collections.abc import Mapping

from xpk.spec.gcloud_row import Ignored, Refused, Row

_OUTPUT = "it shapes gcloud's own output"
_LOGIN = "requests are made with the application default credentials"

PROGRAM_ROWS: Mapping[str, Row] = {
    "--quiet": Ignored(False, "gcloud asks nothing here; --yes answers this program's question"),
    "--async": Ignored(False, "the plan waits for what later steps need"),
    "--timeout": Ignored(True, "every wait of the plan has its own limit"),
    "--format": Ignored(True, _OUTPUT),
    "--flatten": Ignored(True, _OUTPUT),
    "--verbosity": Ignored(True, _OUTPUT),
    "--trace-token": Ignored(True, _OUTPUT),
    "--log-http": Ignored(False, _OUTPUT),
    "--user-output-enabled": Ignored(False, _OUTPUT),
    "--project": Refused("this command has it itself", "--project of this command"),
    "--zone": Refused("this command has it itself", "--zone of this command"),
    "--region": Refused("this command has it itself", "--zone of this command"),
    "--location": Refused("this command has it itself", "--zone of this command"),
    "--account": Refused(_LOGIN, "gcloud auth application-default login"),
    "--impersonate-service-account": Refused(
        _LOGIN, "gcloud auth application-default login --impersonate-service-account=ACCOUNT"
    ),
    "--access-token-file": Refused(_LOGIN, "GOOGLE_APPLICATION_CREDENTIALS=FILE"),
    "--configuration": Refused("gcloud is not started", "CLOUDSDK_ACTIVE_CONFIG_NAME=NAME"),
    "--billing-project": Refused("requests are billed to --project", "leave it out"),
    "--flags-file": Refused("the file is not read", "write its flags here"),
}
"""By name with the two dashes; both commands have them."""

_SHORT = {"-q": "--quiet", "-z": "--zone"}


def long_name(name: str) -> str:
    """The long form of gcloud's two short flags; other names stay as they are."""
    return _SHORT.get(name, name)
