from __future__ import annotations

import asyncio
import signal
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from adapter.invocation.runner import LoopRunner, current_runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

name: ContextVar[str] = ContextVar("name", default="nothing")


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(asyncio.sleep(0))  # the end of the tasks that waited for a failure
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def runner(loop: asyncio.AbstractEventLoop) -> LoopRunner:
    return LoopRunner(loop)


def thread_name() -> str:
    return threading.current_thread().name


async def later(result: str) -> str:
    await asyncio.sleep(0.01)
    return result


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def fail_now(error: BaseException) -> None:
    raise error


async def cancel_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()


class TestRun:
    def test_returns_the_result_of_the_coroutine(self, runner: LoopRunner) -> None:
        assert runner.run(later("done")) == "done"
        assert runner.run(later("again")) == "again"

    @pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
    def test_raises_the_exception_of_the_coroutine(
        self, runner: LoopRunner, error: BaseException
    ) -> None:
        with pytest.raises(type(error)) as caught:
            runner.run(fail(error))
        assert caught.value is error
        assert runner.run(later("done")) == "done"

    def test_goes_on_when_an_app_stops_the_loop(self, runner: LoopRunner) -> None:
        async def stop() -> str:
            asyncio.get_running_loop().stop()
            return await later("done")

        assert runner.run(stop()) == "done"

    def test_goes_on_when_a_task_beside_it_would_end_the_process(
        self, runner: LoopRunner, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def beside() -> str:
            task = asyncio.create_task(fail(SystemExit(3)))
            await asyncio.wait((task,))
            assert isinstance(task.exception(), SystemExit)
            return "done"

        assert runner.run(beside()) == "done"
        assert "A background task or a signal handler raised" in caplog.text

    def test_or_ends_the_coroutine_and_raises_outside_a_runtime(
        self, loop: asyncio.AbstractEventLoop
    ) -> None:
        runner = LoopRunner(loop, contain=False)
        ended = []

        async def beside() -> None:
            task = asyncio.create_task(fail(SystemExit(3)))
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(task.exception())

        with pytest.raises(SystemExit) as raised:
            runner.run(beside())
        assert ended == [raised.value]
        assert runner.run(later("done")) == "done"

    def test_goes_on_when_the_coroutine_cancels_all_tasks(self, runner: LoopRunner) -> None:
        async def beside() -> str:
            await asyncio.wait((asyncio.create_task(cancel_all()),))
            return await later("done")

        assert runner.run(beside()) == "done"

    def test_tells_the_code_on_the_loop_who_runs_it(self, runner: LoopRunner) -> None:
        async def ask() -> LoopRunner | None:
            return current_runner()

        assert runner.run(ask()) is runner

    def test_other_loops_have_no_runner(self) -> None:
        async def ask() -> LoopRunner | None:
            return current_runner()

        assert asyncio.run(ask()) is None


class TestOutside:
    def run(self, runner: LoopRunner, function: Callable[..., Any], *args: Any) -> Any:
        return runner.run(runner.call_outside_loop(function, *args))

    def test_calls_a_function_in_the_thread_that_runs_the_loop(self, runner: LoopRunner) -> None:
        assert self.run(runner, thread_name) == thread_name()

    def test_passes_arguments_and_raises_what_the_function_raises(self, runner: LoopRunner) -> None:
        assert self.run(runner, int, "7") == 7
        with pytest.raises(KeyError):
            self.run(runner, fail_now, KeyError("no"))
        with pytest.raises(RuntimeError, match="StopIteration"):
            self.run(runner, fail_now, StopIteration())
        with pytest.raises(SystemExit):
            self.run(runner, fail_now, SystemExit(3))

    def test_calls_in_the_context_of_the_task(self, runner: LoopRunner) -> None:
        async def call() -> str:
            name.set("of the task")
            return await runner.call_outside_loop(name.get)

        assert runner.run(call()) == "of the task"

    def test_the_loop_is_paused_and_is_the_current_one(self, runner: LoopRunner) -> None:
        def look() -> None:
            assert runner.paused
            assert not runner.loop.is_running()
            assert asyncio.get_event_loop() is runner.loop
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()

        self.run(runner, look)
        assert not runner.paused

    def test_the_loop_is_the_current_one_again_after_a_function_has_run_another(
        self, runner: LoopRunner
    ) -> None:
        assert self.run(runner, lambda: asyncio.run(later("own"))) == "own"
        assert self.run(runner, asyncio.get_event_loop) is runner.loop

    def test_the_function_may_run_the_loop(self, runner: LoopRunner) -> None:
        def run_it() -> str:
            return asyncio.get_event_loop().run_until_complete(later("by hand"))

        assert self.run(runner, run_it) == "by hand"

    def test_the_function_may_call_what_runs_on_the_loop_and_calls_outside_again(
        self, runner: LoopRunner
    ) -> None:
        def outer() -> list[str]:
            inner = runner.call(runner.call_outside_loop(thread_name))
            assert runner.paused, "also after the inner function"
            return [inner, runner.call(later("by call"))]

        assert self.run(runner, outer) == [thread_name(), "by call"]

    def test_a_signal_handler_can_be_installed_and_interrupts_the_loop(
        self, runner: LoopRunner
    ) -> None:
        signals: list[int] = []

        def install() -> Any:
            return signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))

        before = self.run(runner, install)
        try:
            signal.raise_signal(signal.SIGUSR1)
            assert signals == [signal.SIGUSR1]
        finally:
            signal.signal(signal.SIGUSR1, before)

    def test_two_calls_of_two_tasks_both_return(self, runner: LoopRunner) -> None:
        async def both() -> list[int]:
            return list(
                await asyncio.gather(
                    runner.call_outside_loop(int, "1"), runner.call_outside_loop(int, "2")
                )
            )

        assert runner.run(both()) == [1, 2]

    def test_a_result_that_no_task_waits_for_any_more_is_dropped(self, runner: LoopRunner) -> None:
        tasks: list[asyncio.Task[Any]] = []

        async def give_up() -> str:
            tasks.append(asyncio.create_task(runner.call_outside_loop(lambda: tasks[0].cancel())))
            await asyncio.wait(tasks)
            return await later("done")

        async def give_up_on_an_error() -> str:
            def fail() -> None:
                tasks[1].cancel()
                raise ValueError("no")

            tasks.append(asyncio.create_task(runner.call_outside_loop(fail)))
            await asyncio.wait(tasks)
            return await later("done")

        assert runner.run(give_up()) == "done"
        assert runner.run(give_up_on_an_error()) == "done"
        assert all(task.cancelled() for task in tasks)


class TestCall:
    def test_begins_although_a_task_that_was_left_behind_cancels_all_tasks(
        self, runner: LoopRunner
    ) -> None:
        async def leave() -> asyncio.Task[None]:
            return asyncio.create_task(cancel_all())  # runs with the next call

        async def own() -> bool:
            return asyncio.current_task() in asyncio.all_tasks()

        left = runner.call(leave())
        assert runner.call(own()), "an app finds its own task"
        assert left.done()

    def test_runs_the_loop_where_no_other_thread_does(self, runner: LoopRunner) -> None:
        assert runner.call(later("done")) == "done"
        with pytest.raises(ValueError, match="no"):
            runner.call(fail(ValueError("no")))

    def test_from_a_thread_is_served_by_the_thread_that_runs_the_loop(
        self, runner: LoopRunner
    ) -> None:
        async def where() -> str:
            return thread_name()

        async def serve() -> str:
            return await asyncio.to_thread(runner.call, where())

        assert runner.run(serve()) == thread_name()

    def test_goes_on_in_its_own_thread_when_the_other_one_leaves_the_loop(
        self, runner: LoopRunner
    ) -> None:
        begun = threading.Event()
        results: list[str] = []

        async def slow() -> str:
            begun.set()
            return await later("of the thread")

        thread = threading.Thread(target=lambda: results.append(runner.call(slow())))

        async def serve() -> None:
            thread.start()
            while not begun.is_set():  # noqa: ASYNC110  # set by a coroutine of the thread
                await asyncio.sleep(0.001)

        runner.run(serve())
        thread.join()
        assert results == ["of the thread"]

    def test_calls_outside_the_loop_stay_in_the_thread_that_ran_it(
        self, runner: LoopRunner
    ) -> None:
        """Also while the first of them waits for another thread, which runs the loop."""

        def first() -> str:
            thread = threading.Thread(target=lambda: runner.run(later("done")))
            thread.start()
            thread.join()
            return thread_name()

        async def serve() -> list[str]:
            calls = (runner.call_outside_loop(call) for call in (first, thread_name))
            return await asyncio.gather(*calls)

        assert runner.run(serve()) == [thread_name()] * 2

    def test_of_many_threads_each_gets_its_own_result(self, runner: LoopRunner) -> None:
        results: dict[int, str] = {}

        def call(number: int) -> None:
            results[number] = runner.call(later(str(number)))

        threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == {number: str(number) for number in range(20)}

    def test_a_function_may_wait_for_its_own_thread_that_calls(self, runner: LoopRunner) -> None:
        def function() -> str:
            results: list[str] = []
            thread = threading.Thread(target=lambda: results.append(runner.call(later("done"))))
            thread.start()
            thread.join()
            return results[0]

        assert runner.run(runner.call_outside_loop(function)) == "done"

    def test_a_function_may_return_while_its_thread_still_runs_the_loop(
        self, runner: LoopRunner
    ) -> None:
        begun, results = threading.Event(), []

        async def slow() -> str:
            begun.set()
            return await later("of the thread")

        thread = threading.Thread(target=lambda: results.append(runner.call(slow())))

        def function() -> str:
            thread.start()
            begun.wait()
            return "of the function"

        assert runner.run(runner.call_outside_loop(function)) == "of the function"
        thread.join()
        assert results == ["of the thread"]

    def test_a_result_is_returned_while_another_thread_runs_the_loop(
        self, runner: LoopRunner
    ) -> None:
        """That thread may wait for the code that gets the result."""
        begun, returned = threading.Event(), threading.Event()

        async def until_returned() -> bool:
            begun.set()
            for _ in range(2000):
                if returned.is_set():
                    return True
                await asyncio.sleep(0.01)
            return False

        results: list[bool] = []
        thread = threading.Thread(target=lambda: results.append(runner.call(until_returned())))

        def function() -> None:
            thread.start()
            begun.wait()

        runner.run(runner.call_outside_loop(function))
        returned.set()
        thread.join()
        assert results == [True]

    def test_none_begins_while_the_loop_is_kept_paused(self, runner: LoopRunner) -> None:
        results: list[str] = []
        thread = threading.Thread(target=lambda: results.append(runner.call(later("done"))))
        with runner.keep_paused():
            thread.start()
            thread.join(0.1)
            assert results == []
        thread.join()
        assert results == ["done"]
