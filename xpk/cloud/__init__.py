"""The wire: Google Cloud and Kubernetes as plain JSON in, plain JSON out.

Knows no spec and no plan. Foreign exceptions never leave this package: they become
`xpk.errors` or their subclasses in `xpk.cloud.errors`.
"""
