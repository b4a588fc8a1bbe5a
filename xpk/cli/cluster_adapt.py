"""`xpk cluster adapt`."""

from __future__ import annotations

from functools import partial

from xpk.cli.cluster import bring_up
from xpk.cli.cluster_flags import ADAPT_FLAGS
from xpk.cli.cluster_request import cluster_spec
from xpk.cli.command import Leaf
from xpk.cli.options import decisions
from xpk.cli.words import Words


def _run(words: Words) -> None:
    bring_up(words, partial(cluster_spec, adapt=True))


adapt = Leaf(
    "cluster adapt",
    _run,
    sentence="Set up a cluster that another program made; its node pools stay as they are.",
    examples=(
        (
            "xpk cluster adapt --cluster c1 --project my-project --zone us-east5-b --tpu-type v6e-16 "
            "--dry-run --observe -o text"
        ),
        (
            "xpk cluster adapt --cluster c1 --project my-project --zone us-east5-b --tpu-type v6e-256 "
            "--num-slices 2 --enable-mtc --mtc-ramdisk-size 60000Mi --mtc-gcs-bucket gs://my-bucket "
            "--dry-run -o text"
        ),
    ),
    flags=ADAPT_FLAGS,
    decide=decisions("cluster adapt"),
)
