"""What the function will run on: an architecture and a Python."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Architecture = Literal["arm64", "x86_64"]
PythonVersion = Literal["3.11", "3.12", "3.13", "3.14"]

ARCHITECTURES: tuple[str, ...] = get_args(Architecture)
PYTHONS: tuple[str, ...] = get_args(PythonVersion)

# The glibc 2.x that a runtime's system has: Amazon Linux 2 up to Python 3.11, then 2023. A wheel
# for a later one is installed without complaint and fails when it is imported.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
GLIBC = {"3.11": 26, "3.12": 34, "3.13": 34, "3.14": 34}
OLDEST_GLIBC = 5

# Other names of manylinux_2_5, _2_12 and _2_17 (PEP 600).
LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


class Platform(NamedTuple):
    """A managed Python runtime of Lambda, or an image on the same system."""

    architecture: str
    python: str

    def __str__(self) -> str:
        return f"Python {self.python} on {self.architecture}"

    @property
    def machine(self) -> str:
        """The processor, as Linux and wheels name it."""
        return "aarch64" if self.architecture == "arm64" else "x86_64"

    @property
    def newest_python(self) -> str:
        """A patch release later than any: AWS keeps its runtimes at the latest there is.

        What wants 3.12.4 runs there, and needs no backport for 3.12.3.
        https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html
        """
        return f"{self.python}.99"

    @property
    def wheel_platforms(self) -> list[str]:
        """The platform tags of wheels that run there, best first."""
        tags = []
        for minor in range(GLIBC[self.python], OLDEST_GLIBC - 1, -1):
            tags.append(f"manylinux_2_{minor}_{self.machine}")
            if minor in LEGACY:
                tags.append(f"{LEGACY[minor]}_{self.machine}")
        return [*tags, f"linux_{self.machine}"]

    @property
    def uv_platform(self) -> str:
        """The nearest name that uv has: it knows no glibc between 2.17 and 2.28."""
        glibc = GLIBC[self.python]
        return f"{self.machine}-manylinux_2_{glibc if glibc >= 28 else 17}"

    @property
    def markers(self) -> dict[str, str]:
        """The values that environment markers have there (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.newest_python,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.newest_python,
            "python_version": self.python,
            "sys_platform": "linux",
        }
