"""The runtimes that a project can be packaged for; importing them costs nothing."""

ARCHITECTURES = ("arm64", "x86_64")
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
