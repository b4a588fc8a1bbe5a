"""Cloud Storage: bucket metadata and IAM policies (storage.googleapis.com)."""
