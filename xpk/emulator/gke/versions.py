"""The GKE versions that this emulated GKE offers, and how a request's version text resolves.

The numbers are real ones or of the same form; which channel offers which is the emulator's own
choice, but a more mature channel offers only what a less mature one does too.
"""

from __future__ import annotations

import re

from xpk.emulator.errors import invalid
from xpk.emulator.http import Json

_EXTENDED_ONLY = ("1.30.12-gke.1333000", "1.31.1-gke.1678000", "1.31.2-gke.1115000", "1.31.9-gke.1044000")
_STABLE = (
    "1.31.12-gke.1265000",
    "1.32.3-gke.1170000",
    "1.32.3-gke.1785000",
    "1.32.3-gke.1927000",
    "1.32.4-gke.1415000",
    "1.32.4-gke.1533000",
    "1.32.9-gke.1108000",
    "1.33.2-gke.4655000",
    "1.33.3-gke.1226000",
    "1.33.4-gke.1172000",
    "1.33.5-gke.1080000",
    "1.33.5-gke.1201000",
)
_REGULAR_ONLY = ("1.32.9-gke.1239000", "1.33.5-gke.1308000", "1.34.0-gke.2201000")
_RAPID_ONLY = ("1.33.5-gke.1697000", "1.34.1-gke.1431000", "1.34.1-gke.1829001", "1.34.1-gke.2037001")

CHANNELS: dict[str, tuple[tuple[str, ...], str]] = {
    "RAPID": (_STABLE + _REGULAR_ONLY + _RAPID_ONLY, "1.34.1-gke.1829001"),
    "REGULAR": (_STABLE + _REGULAR_ONLY, "1.33.5-gke.1308000"),
    "STABLE": (_STABLE, "1.33.5-gke.1080000"),
    "EXTENDED": (_EXTENDED_ONLY + _STABLE + _REGULAR_ONLY, "1.33.5-gke.1308000"),
}
# The oldest version that the documents of MTC's users name; Google's own page says 1.32.4-gke.1415000.
MTC_FLOOR = "1.32.3-gke.1170000"
MATURITY = ("STABLE", "REGULAR", "RAPID", "EXTENDED")
FULL = re.compile(r"(\d+)\.(\d+)\.(\d+)-gke\.(\d+)")


def key(version: str) -> tuple[int, ...]:
    """The numbers of a full version, for comparing."""
    match = FULL.fullmatch(version)
    if match is None:
        raise invalid(f'Version "{version}" is invalid.')
    return tuple(int(number) for number in match.groups())


def offered(channel: str | None) -> list[str]:
    """What a channel (None: no channel) offers, newest first."""
    groups = [CHANNELS[channel]] if channel else list(CHANNELS.values())
    return sorted({version for versions, _ in groups for version in versions}, key=key, reverse=True)


def matches(version: str, text: str) -> bool:
    """Whether a full version is, or begins with the elements of, `text`."""
    return version == text or version.startswith((text + ".", text + "-"))


def resolve(text: str, channel: str | None) -> str:
    """The full version that `1.33`, `1.33.5`, `latest`, `-`, an empty or a full text means.

    Raises 400 when the channel does not offer it.
    """
    if text in ("", "-"):
        return CHANNELS[channel or "REGULAR"][1]
    choices = offered(channel)
    if text == "latest":
        return choices[0]
    for version in choices:
        if matches(version, text):
            return version
    where = f"release channel {channel}" if channel else "no release channel"
    raise invalid(f'Master version "{text}" is unsupported: it is not a valid version for {where}.')


def enroll(text: str, release_channel: Json | None) -> tuple[str | None, str]:
    """Channel and full version of a new cluster.

    An unset `releaseChannel` still enrolls: with a version the most mature channel that offers it,
    without one REGULAR. An explicit UNSPECIFIED means no channel (docstring of `Cluster` in
    google-cloud-container).
    """
    if release_channel is not None:
        channel = release_channel.get("channel")
        return channel, resolve(text, channel)
    if text in ("", "-"):
        return "REGULAR", resolve(text, "REGULAR")
    if text == "latest":
        return "RAPID", resolve(text, "RAPID")
    for name in MATURITY:
        if any(matches(version, text) for version in CHANNELS[name][0]):
            return name, resolve(text, name)
    return None, resolve(text, None)


def server_config() -> Json:
    """The answer of getServerConfig."""
    everything = offered(None)
    return {
        "defaultClusterVersion": CHANNELS["REGULAR"][1],
        "validNodeVersions": everything,
        "defaultImageType": "COS_CONTAINERD",
        "validImageTypes": ["COS_CONTAINERD", "UBUNTU_CONTAINERD"],
        "validMasterVersions": everything,
        "channels": [
            {"channel": name, "defaultVersion": default, "validVersions": offered(name)}
            for name, (_, default) in CHANNELS.items()
        ],
    }
