"""An asyncio event loop in a thread of its own, which starts and stops within a time limit."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

START_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 2.0
CALL_TIMEOUT_S = 5.0


class LoopThread:
    """Runs coroutines for ordinary threads. Used once: after `stop` it is not started again."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def start(self) -> None:
        """Start the thread. Raises TimeoutError if the loop does not turn within 5 s."""
        self._thread.start()
        if not self._running.wait(START_TIMEOUT_S):
            raise TimeoutError(f"the loop of thread {self._thread.name} did not start")

    def call(self, coro: Coroutine[Any, Any, T], timeout_s: float = CALL_TIMEOUT_S) -> T:
        """Run `coro` in the loop and return its result; raises what it raises.

        Raises TimeoutError after `timeout_s` seconds (the coroutine is cancelled then), and
        RuntimeError when called from the loop's own thread, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            coro.close()
            raise RuntimeError("the loop cannot wait for itself")
        future = asyncio.run_coroutine_threadsafe(coro, self._loop)
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise TimeoutError(f"no result within {timeout_s:g} s") from None

    def stop(self) -> None:
        """Cancel what runs, stop the loop and join the thread, within 2 s. Idempotent."""
        if not self._thread.is_alive():
            if not self._loop.is_closed():
                self._loop.close()
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(self._running.set)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._wind_up())
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    async def _wind_up(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S / 2)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()
