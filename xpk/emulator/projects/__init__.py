"""Resource Manager: project numbers (cloudresourcemanager.googleapis.com)."""
