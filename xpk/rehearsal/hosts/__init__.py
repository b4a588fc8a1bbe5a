"""The machine under a rehearsal: directories, namespaces and processes that stand for hosts.

A host of a slice is a set of directories (`space`), a container of a pod is one keeper process
with its descendants (`container`, `keeper`), and a mount path is seen where the pod expects it
(`newroot`, else `substitution`). Nothing here knows Kubernetes' API, JobSets or checkpoints.
"""
