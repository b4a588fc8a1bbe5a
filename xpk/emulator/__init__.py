"""A small Google Cloud and Kubernetes behind one HTTP port. Imports nothing of the rest of xpk."""
