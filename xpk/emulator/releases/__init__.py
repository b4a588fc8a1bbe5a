"""Stand-ins for the release files of JobSet and Kueue (github.com)."""
