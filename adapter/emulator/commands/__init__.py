"""What ``adapter dev`` and ``adapter invoke`` run."""
