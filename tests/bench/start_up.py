"""How long commands take to start, as ratios to `python -c "import click"` in the same run.

    python tests/bench/start_up.py [--runs 15]

Builds the wheel, installs it in a fresh virtual environment with its byte code, and prints medians.
Absolute times depend on the machine and are not printed as results.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CREATE = (
    "cluster create --cluster c1 --project p1 --zone us-east5-b --cluster-cpu-machine-type=e2-standard-16 "
    "--num-slices={slices} --tpu-type=v6e-256 --enable-mtc --enable-gcsfuse-csi-driver "
    "--mtc-ramdisk-size=60000Mi --mtc-gcs-bucket=gs://b1/out --gke-version=1.32.4-gke.1415000 --dry-run"
)
LIMITS = {"xpk --help": 1.5, "dry run, 2 slices": 3.0, "dry run, 256 slices": 3.75}


def install(folder: Path) -> Path:
    """A virtual environment with the built wheel; returns its bin folder."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], check=True)
    venv.create(folder / "venv", with_pip=True)
    binaries = folder / "venv" / "bin"
    (wheel,) = folder.glob("xpk-*.whl")
    pip[0] = str(binaries / "python")
    subprocess.run([*pip, "install", wheel], check=True)
    return binaries


def commands(binaries: Path) -> dict[str, list[str]]:
    """What is measured, by the name it is printed under; the first is the unit."""
    python, xpk = str(binaries / "python"), str(binaries / "xpk")
    return {
        "import click": [python, "-c", "import click"],
        "xpk --help": [xpk, "--help"],
        "xpk cluster create --help": [xpk, "cluster", "create", "--help"],
        "dry run, 2 slices": [xpk, *CREATE.format(slices=2).split()],
        "dry run, 256 slices": [xpk, *CREATE.format(slices=256).split()],
    }


def measure(named: dict[str, list[str]], runs: int, home: Path) -> dict[str, float]:
    """Median wall seconds of each command; the commands take turns, so that drift hits all alike."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"HOME": str(home)}
    times: dict[str, list[float]] = {name: [] for name in named}
    for turn in range(runs + 2):
        for name, command in named.items():
            begin = time.perf_counter()
            subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if turn >= 2:
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="counted runs of each command")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        medians = measure(commands(install(folder)), runs, folder)
    unit = medians["import click"]
    for command, median in medians.items():
        limit = f"   wanted: at most {LIMITS[command]:.2f}" if command in LIMITS else ""
        print(f"{command:<28} {median / unit:5.2f} x import click{limit}")
    growth = medians["dry run, 256 slices"] / medians["dry run, 2 slices"]
    print(f"{'256 slices to 2 slices':<28} {growth:5.2f} x                wanted: at most 1.25")


if __name__ == "__main__":
    main()
