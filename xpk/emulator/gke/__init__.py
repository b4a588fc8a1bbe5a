"""GKE's clusters, node pools and operations (container.googleapis.com)."""
