"""One cluster's Kubernetes: an API server over a store in memory, and small, true controllers behind it."""
