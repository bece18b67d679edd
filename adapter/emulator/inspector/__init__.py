"""The inspector: a page that shows the invocations of ``adapter dev``."""
