"""Scripts that measure what the adapter costs; each prints its figures when run."""
