from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from zipfile import ZipFile

import boto3
import botocore.hooks
import botocore.session
import pytest
from moto.core import responses

from adapter.__main__ import main
from tests.support.recording_aws import CREDENTIALS, RecordingAws, recording_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., "Outcome"]


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


class Session(boto3.Session):  # type: ignore[misc]
    """Keeps the clients that have the credentials of the tests: to make one takes 15 ms.

    A client of Lambda is kept for one test, as a deployment watches the uploads of its client.
    """

    clients: ClassVar[dict[tuple[object, ...], Any]] = {}

    def client(self, service_name: str, **options: Any) -> Any:
        """Return the client for a service and a region."""
        credentials = self.get_credentials()
        if credentials is None or credentials.method != "env":
            return super().client(service_name, **options)
        settings = [os.environ.get(name) for name in ("AWS_ENDPOINT_URL", "AWS_MAX_ATTEMPTS")]
        key = (service_name, self.region_name, options.get("config"), *settings)
        if key not in self.clients:
            self.clients[key] = super().client(service_name, **options)
        return self.clients[key]

    @classmethod
    def forget(cls, service_name: str) -> None:
        """Drop the clients for a service."""
        for key in [key for key in cls.clients if key[0] == service_name]:
            del cls.clients[key]


@pytest.fixture(scope="session")
def moto() -> Iterator[RecordingAws]:
    """AWS; botocore and moto compute once what is the same for each session and each call."""
    with pytest.MonkeyPatch.context() as context, recording_aws() as aws:
        for owner, name in (
            (botocore.session, "create_loader"),
            (botocore.hooks, "accepts_kwargs"),
            (responses, "method_names_from_class"),
        ):
            context.setattr(owner, name, lru_cache(1000)(getattr(owner, name)))
        context.setattr(boto3, "Session", Session)
        yield aws


@pytest.fixture
def aws(moto: RecordingAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordingAws:
    """An empty account, for this process and for those that it starts in an empty folder."""
    moto.reset()
    Session.forget("lambda")
    for name in ("AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.url)
    (tmp_path / ".git").mkdir()  # no pyproject.toml above counts
    monkeypatch.chdir(tmp_path)
    write_zip(tmp_path / "shop.zip", "1")
    return moto


def write_zip(file: Path, content: str) -> None:
    """Write a zip as ``adapter package`` makes one, as far as AWS can tell."""
    with ZipFile(file, "w") as archive:
        archive.writestr("lambda_function.py", f"lambda_handler = {content}")


@pytest.fixture
def run(aws: RecordingAws, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; `adapter doctor` has a test of its own, as it starts a process."""

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        aws.calls.clear()
        code = main([*arguments, *(["--no-doctor"] if arguments[0] == "deploy" else [])])
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def deploy(run: Run) -> Run:
    """Deploy ``shop.zip`` as the public function ``shop``."""
    return lambda *more: run("deploy", "shop.zip", "--name", "shop", "--auth", "none", *more)
