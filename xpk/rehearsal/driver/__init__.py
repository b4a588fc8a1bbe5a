"""A stand-in, on one machine, for the driver of GKE's multi-tier checkpointing.

What it does: gives ranks that stick to hosts, writes `jax-init-info.txt`, plays the replicator
(accepts `replicator.yaml`, takes over finished steps, puts `.restore` markers, copies from a peer,
backs up), and tells which steps every ramdisk and the bucket hold. It follows what Google published:
GoogleCloudPlatform/high-scale-checkpointing-controller and GoogleCloudPlatform/checkpoint-replicator.

What it does not do: no CSI, no NFS and no GCS FUSE (copies are copies of directories), no hashes and
no `.meta` files (the data of a step is named after its rank instead, so equal shards of two slices
are taken to be equal, not found to be), no coordinator of its own on the network. A ramdisk is a
directory: what is in it is counted, nothing stops a trainer from writing more than its size.
"""
