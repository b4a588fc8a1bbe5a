"""Numbers and names as words, the same on the page and on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from xpk.rehearsal.record.events import FaultKind, Host

_BREAKS: dict[FaultKind, str] = {
    "process": "process killed",
    "host": "host lost",
    "last-slice-host": "host of the last slice lost",
    "slice": "slice lost",
    "all-ramdisks": "all ramdisks lost",
    "sigterm": "SIGTERM sent",
}


def fault_words(fault: FaultKind) -> str:
    """What broke: "host lost"."""
    return _BREAKS[fault]


def where(hosts: Sequence[Host], all_hosts: Sequence[Host] = ()) -> str:
    """Hosts in few words: "slice 0 host 1", "slice 1", "all 4 hosts"."""
    slices = sorted({host.slice_index for host in hosts})
    if len(hosts) == 1:
        return str(hosts[0])
    if hosts and set(hosts) == set(all_hosts):
        return f"all {len(hosts)} hosts"
    for index in slices[:1]:
        whole = {host for host in all_hosts if host.slice_index == index}
        if whole and set(hosts) == whole:
            return f"slice {index}"
    return f"{len(hosts)} hosts of {count(len(slices), 'slice')}"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 step", "4 steps"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def seconds(value: float | None) -> str:
    """A time that may not have come: "3.9 s", "2m05s", "never"."""
    if value is None:
        return "never"
    return f"{value:.1f} s" if value < 100 else f"{int(value) // 60}m{int(value) % 60:02d}s"


def memory(number: int) -> str:
    """Bytes of memory as Kubernetes writes them where that is exact: "64Mi"."""
    return f"{number >> 20}Mi" if number and number % (1 << 20) == 0 else size(number)


def size(number: int) -> str:
    """Bytes in a unit that a person can read: "812 B", "1.2 MB"."""
    if number < 1000:
        return f"{number} B"
    value = float(number)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 99.95 else f"{value:.0f} {unit}"
    return f"{value:.0f} TB"
