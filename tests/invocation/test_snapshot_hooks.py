"""Hooks around a snapshot, without a runtime: their order, and what runs them."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING

import pytest
from snapshot_restore_py import register_after_restore, register_before_snapshot

from adapter import after_restore, before_snapshot
from adapter.invocation.runner import LoopRunner
from adapter.invocation.snapshot_hooks import run_after_restore, run_before_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def runner() -> Iterator[LoopRunner]:
    loop = asyncio.new_event_loop()
    yield LoopRunner(loop)
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(autouse=True)
def no_hooks_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapter.invocation.snapshot_hooks.before", [])
    monkeypatch.setattr("adapter.invocation.snapshot_hooks.after", [])
    monkeypatch.setattr("snapshot_restore_py._before_snapshot_registry", [])
    monkeypatch.setattr("snapshot_restore_py._after_restore_registry", [])


def test_a_decorated_hook_is_still_the_function_that_it_was() -> None:
    def hook() -> None: ...

    assert before_snapshot(hook) is hook
    assert after_restore(hook) is hook


def test_before_a_snapshot_the_last_hook_added_is_called_first_and_those_of_aws_after_all(
    runner: LoopRunner,
) -> None:
    called: list[str] = []
    register_before_snapshot(called.append, "AWS's first")
    register_before_snapshot(called.append, "AWS's last")
    before_snapshot(partial(called.append, "first"))
    before_snapshot(partial(called.append, "last"))
    run_before_snapshot(runner)
    assert called == ["last", "first", "AWS's last", "AWS's first"]


def test_after_a_restore_the_hooks_are_called_in_the_opposite_order(runner: LoopRunner) -> None:
    called: list[str] = []
    after_restore(partial(called.append, "first"))
    after_restore(partial(called.append, "last"))
    register_after_restore(called.append, "AWS's first")
    register_after_restore(called.append, "AWS's last")
    run_after_restore(runner)
    assert called == ["AWS's first", "AWS's last", "first", "last"]


def test_a_hook_may_add_another(runner: LoopRunner) -> None:
    called: list[str] = []
    before_snapshot(lambda: before_snapshot(partial(called.append, "before")))
    after_restore(lambda: after_restore(partial(called.append, "after")))
    run_before_snapshot(runner)
    run_after_restore(runner)
    assert called == ["before", "after"]


@pytest.mark.parametrize("register", [before_snapshot, register_before_snapshot])
def test_an_async_hook_is_awaited_on_the_loop_of_the_app(
    runner: LoopRunner, register: Callable[..., object]
) -> None:
    loops: list[object] = []

    async def hook() -> None:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())

    register(hook)
    register(lambda: hook())  # synchronous, but its result is to be awaited
    run_before_snapshot(runner)
    assert loops == [runner.loop] * 2


def test_a_synchronous_hook_may_run_the_loop_of_the_app(runner: LoopRunner) -> None:
    async def work() -> object:
        return asyncio.get_running_loop()

    loops: list[object] = []

    @after_restore
    def hook() -> None:
        loops.append(asyncio.get_event_loop().run_until_complete(work()))

    run_after_restore(runner)
    assert loops == [runner.loop]


def test_a_restored_environment_draws_random_numbers_of_its_own_in_its_hooks_already(
    runner: LoopRunner,
) -> None:
    drawn: list[float] = []
    after_restore(lambda: drawn.append(random.random()))
    for _ in range(2):
        random.seed(1)  # the state that both restored environments have from the snapshot
        run_after_restore(runner)
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_what_a_hook_raises_ends_the_hooks(runner: LoopRunner, error: BaseException) -> None:
    called: list[str] = []

    async def fail() -> None:
        raise error

    after_restore(fail)
    after_restore(partial(called.append, "second"))
    with pytest.raises(type(error)):
        run_after_restore(runner)
    assert called == []
