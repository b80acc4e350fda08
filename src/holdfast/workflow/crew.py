"""A small pool of threads for synchronous tasks.

Why not `concurrent.futures`: it wakes the event loop once per finished call, and its threads keep
the interpreter from leaving while a handler hangs. Here everything that finished since the loop
last looked is delivered by one wake-up, and the threads are daemons. Calls are handed over together
at the end of the loop's turn: a thread that was woken for the first would fight for the interpreter's
lock with the loop that prepares the others, which made a message a quarter dearer.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class _Call:
    """One call, on its way out to a thread and back."""

    __slots__ = ("args", "begun", "context", "error", "function", "future", "stuck", "value")

    def __init__(
        self,
        future: asyncio.Future[Any],
        context: Context,
        function: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        self.future = future
        self.context = context
        self.function = function
        self.args = args
        self.begun = False
        self.stuck = False
        self.value: Any = None
        self.error: BaseException | None = None


class Crew:
    """Up to `size` threads, started as they are needed. Belongs to one event loop."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._called: list[_Call] = []
        """In this turn of the loop; no thread knows of them yet."""
        self._inbox: SimpleQueue[_Call | None] = SimpleQueue()
        self._finished: deque[_Call] = deque()
        self._waking = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = 0
        self._calls = 0
        self._closed = False
        self.stuck = 0
        """Calls that nobody waits for any more and that still hold their thread."""

    async def run(self, function: Callable[..., Answer], *args: Any) -> Answer:
        """Call the function on a thread. Raises whatever it raises, SystemExit included.

        When the wait is cancelled, what had not begun never begins; what had runs on, and counts as
        stuck until it returns.
        """
        if self._closed:
            raise RuntimeError("the crew has gone home")
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        call = _Call(loop.create_future(), copy_context(), function, args)
        self._calls += 1
        if not self._called:
            loop.call_soon(self._hand_over)
        self._called.append(call)
        if self._threads < self._calls and self._threads < self._size + min(self.stuck, self._size):
            self._hire()
        try:
            await call.future
        except asyncio.CancelledError:
            if call.begun:
                call.stuck = True
                self.stuck += 1
            raise
        if call.error is not None:
            raise call.error
        return call.value  # type: ignore[no-any-return]  # what `function` returned

    def close(self) -> None:
        """Let every idle thread go. A stuck one ends with its call, or with the process."""
        self._closed = True
        self._hand_over()
        for _ in range(self._threads):
            self._inbox.put(None)

    def _hand_over(self) -> None:
        called, self._called = self._called, []
        for call in called:
            self._inbox.put(call)

    def _hire(self) -> None:
        # Stuck threads are replaced, up to as many again: one handler that hangs must not starve
        # its neighbours. Beyond that the process is past saving; `stuck` tells whoever watches.
        self._threads += 1
        name = f"holdfast-crew-{self._threads}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while (call := self._inbox.get()) is not None:
            # Set before the look at `cancelled`: `run` looks at both the other way round, so that
            # a call is either not made or counted as stuck.
            call.begun = True
            if not call.future.cancelled():
                try:
                    call.value = call.context.run(call.function, *call.args)
                except BaseException as error:
                    call.error = error
            self._finished.append(call)
            del call
            if not self._waking:
                self._waking = True
                if not self._wake():
                    return

    def _wake(self) -> bool:
        loop = self._loop
        try:
            if loop is not None:
                loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:
            return False  # the loop is closed: nobody waits any more
        return True

    def _deliver(self) -> None:
        """On the loop: hand out everything that finished."""
        # Cleared first: what finishes from here on either is seen below or wakes the loop again.
        self._waking = False
        while self._finished:
            call = self._finished.popleft()
            self._calls -= 1
            if call.stuck:
                self.stuck -= 1
            elif not call.future.done():
                call.future.set_result(None)
