"""This program beside the xpk of today, on the same command lines: wall, CPU, memory, processes as ratios.

    python -m tests.bench.against_xpk --python OTHER/bin/python [--slices 2]

OTHER is a virtual environment in which xpk 1.16.0 is installed. Not a part of CI.

Both talk to instant stand-ins. For this program it is the emulator, almost without delay, in another process.
For the other one, which starts gcloud and kubectl, it is one small script under their names (and those of
git, pip, jq, crane and sudo) on PATH, which answers at once from a JSON file: so what is measured is the
tools' own time; a real gcloud takes one to two seconds to start and 60 MB.

What the stand-in does that matters: the cluster does not exist before `clusters create`, a pool not before
its `node-pools create`; add-ons and the workload pool are on as soon as the cluster exists; CoreDNS is
there, so that nothing is cloned; the resources ConfigMap and the controllers are there after the first
`apply`. What the other tool writes through Kubernetes' own client goes to a second emulator, on which a
cluster of this program stands; the JobSet manifest that it fetches comes from there, and its `requests.get`
is the one thing that is replaced. Telemetry, downloads of kubectl and the check for updates are off or
answered. It is given --quiet where this program is given --yes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import ROOT, Run, emulator, run, take_requests, xpk

STAND_IN = r"""#!{python} -ISE
import json, os, re, sys
folder = os.environ["STAND_IN"]
tool, line = os.path.basename(sys.argv[0]), " ".join(sys.argv[1:])
with open(folder + "/calls", "a") as calls:
    calls.write(tool + " " + line[:300].replace("\n", " ") + "\n")
try:
    state = json.load(open(folder + "/state"))
except (OSError, ValueError):
    state = {{"cluster": False, "pools": [], "applied": False}}
def keep(**new):
    json.dump({{**state, **new}}, open(folder + "/state.%d" % os.getpid(), "w"))
    os.replace(folder + "/state.%d" % os.getpid(), folder + "/state")
def made(what):
    return re.search(what + r" (\S+)", line)[1]
out, code = "", 0
if tool == "gcloud":
    if "get-server-config" in line or "currentMasterVersion" in line or "currentNodeVersion" in line:
        out = "{version}"
    elif "clusters create" in line:
        keep(cluster=True)
    elif "node-pools create" in line:
        open(folder + "/pool." + made("node-pools create"), "w").close()
    elif "node-pools list" in line:
        out = "\n".join(sorted(n[5:] for n in os.listdir(folder) if n.startswith("pool.")))
    elif "node-pools describe" in line:
        out = "us-east5-b"
    elif "clusters list" in line:
        out = ("us-east5" if "value(location)" in line else "c1") if state["cluster"] else ""
    elif "workloadPool" in line:
        out = "p1.svc.id.goog"
    elif "clusters describe" in line:
        out = "" if "rivate" in line else "True"
    elif "config get" in line:
        out = "us-east5-b" if "zone" in line else "p1"
elif tool == "kubectl":
    if " apply " in " " + line or line.startswith("apply"):
        keep(applied=True)
    elif "get configmap" in line:
        out, code = ("map[v6e-16:8]", 0) if state["applied"] else ("not found", 1)
    elif "config view" in line:
        out = "gke_p1_us-east5_c1"
    elif "get deployment" in line and ("jobset" in line or "kueue" in line):
        tag = "v0.10.1" if "jobset" in line else "v0.17.1"
        out, code = ("controller:" + tag, 0) if state["applied"] else ("not found", 1)
    elif "-o=json" in line or "-o json" in line:
        out = json.dumps({{"items": []}})
    elif "get node" in line:
        out = "node-0 Ready"
elif tool == "pip":
    out = "xpk (1.16.0)"
print(out)
sys.exit(code)
"""
PATCH = """
import os, requests
_get = requests.get
def get(url, *args, **kwargs):
    head, found, tail = url.partition("/kubernetes-sigs/")
    mine = os.environ["STAND_IN_RELEASES"] + found + tail.replace("v0.10.1", "v0.12.0")
    return _get(mine if found else url)
requests.get = get
"""
VERSION = "1.33.5-gke.1201000"
TOOLS = ("gcloud", "kubectl", "git", "pip", "jq", "crane", "sudo", "docker")
WHERE = ("--cluster", "c1", "--project", "p1", "--zone", "us-east5-b")


@dataclass(frozen=True, slots=True)
class Other:
    """The other tool's environment: its interpreter, the stand-ins' folder, the address behind its client."""

    python: str
    folder: Path
    url: str

    def build(self) -> None:
        """Write the stand-ins, the patch and a kubeconfig."""
        (self.folder / "bin").mkdir()
        (self.folder / "patch").mkdir()
        for tool in TOOLS:
            script = self.folder / "bin" / tool
            script.write_text(STAND_IN.format(python=sys.executable, version=VERSION))
            script.chmod(0o755)
        (self.folder / "patch" / "sitecustomize.py").write_text(PATCH)
        server = f"{self.url}/kubernetes/projects/p1/locations/us-east5/clusters/c1"
        (self.folder / "kubeconfig").write_text(
            "{apiVersion: v1, kind: Config, current-context: c, users: [{name: u, user: {}}], "
            f"clusters: [{{name: k, cluster: {{server: '{server}'}}}}], "
            "contexts: [{name: c, context: {cluster: k, user: u}}]}"
        )

    def run(self, line: Sequence[str]) -> tuple[Run, int]:
        """Run a line; also how many programs it started."""
        calls = self.folder / "calls"
        calls.write_text("")
        env = {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.folder / "kubeconfig"),
            "PYTHONPATH": str(self.folder / "patch"),
            "STAND_IN": str(self.folder),
            "STAND_IN_RELEASES": f"{self.url}/releases",
            "TELEMETRY_ENABLED": "false",
            "DEPENDENCY_AUTO_DOWNLOAD": "false",
            "CRANE_WORKLOADS_ENABLED": "false",
        }
        found = run([str(Path(self.python).with_name("xpk")), *line], env)
        return found, 1 + len(calls.read_text().splitlines())


def project_number(url: str) -> str:
    """The emulated project's: with another one the driver would have no rights on its bucket."""
    with urllib.request.urlopen(f"{url}/v3/projects/p1") as answer:
        return str(json.load(answer)["name"]).rpartition("/")[2]


def lines(slices: int, number: str) -> dict[str, tuple[list[str], list[str]]]:
    """Each case: the line that both understand, and what this program needs beside it."""
    create = ["cluster", "create", *WHERE, "--tpu-type=v6e-16", f"--num-slices={slices}", "--on-demand"]
    create += ["--enable-mtc", "--enable-gcsfuse-csi-driver", "--mtc-ramdisk-size=10Gi"]
    create += ["--mtc-gcs-bucket=gs://b1", f"--project-number={number}"]
    job = ["workload", "create", *WHERE, "--workload=w1", "--tpu-type=v6e-16", f"--num-slices={slices}"]
    job += ["--docker-image=python:3.12", "--command=true"]
    return {
        "--help": (["--help"], []),
        "cluster create --dry-run": ([*create, "--dry-run"], []),
        "cluster create": (create, ["--yes"]),
        "the same again": (create, ["--yes"]),
        "workload create": (job, ["--yes"]),
        "workload list": (["workload", "list", *WHERE], []),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", required=True, help="the interpreter with xpk 1.16.0")
    parser.add_argument("--slices", type=int, default=2, help="slices of v6e-16")
    parser.add_argument("--cases", default="", help="only those whose name holds this")
    arguments = parser.parse_args()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with emulator() as mine, emulator() as behind, tempfile.TemporaryDirectory() as folder:
        cases = lines(arguments.slices, project_number(mine))
        xpk([*cases["cluster create"][0], "--yes"], behind)
        other = Other(arguments.python, Path(folder), behind)
        other.build()
        print(f"{'':<26}      wall       CPU    memory  processes   (the other's to ours; ours is 1 process)")
        for name, (line, more) in cases.items():
            if arguments.cases not in name:
                continue
            theirs, processes = other.run([*line, "--quiet"] if more else line)
            take_requests(mine)
            ours = run([sys.executable, "-m", "xpk", *line, *more], {**env, "XPK_EMULATOR": mine})
            print(
                f"{name:<26} {theirs.wall / ours.wall:7.1f} x {theirs.cpu / ours.cpu:7.1f} x "
                f"{theirs.peak / ours.peak:7.2f} x {processes:7}     "
                f"{take_requests(mine)} requests of ours",
                flush=True,
            )
            for whose, found in (("theirs", theirs), ("ours", ours)):
                if found.code:
                    last = (found.stderr.strip() or found.stdout.strip()).splitlines()[-3:]
                    print(f"    {whose} ended with {found.code}: {' | '.join(last)[:300]}")


if __name__ == "__main__":
    main()
