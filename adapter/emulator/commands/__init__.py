"""The commands ``adapter dev`` and ``adapter invoke``."""
