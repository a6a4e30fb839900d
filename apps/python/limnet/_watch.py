"""Progress, cancelling and Ctrl-C during a call of limn.

limn calls back before each layer. An exception cannot pass through C: it is kept, the work is cancelled, and the
exception is raised when the call has returned. Python runs signal handlers at the beginning of a function, before a
`try` in it, so that a KeyboardInterrupt would escape. A generator resumes inside its `try`: the callback is its `send`.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Generator
from typing import Any

from ._library import Observer, Watch, call, send_progress, send_value

Progress = Callable[[float], object]


def receiver(receive: Callable[[Any], object] | None, caught: list[BaseException]) -> Generator[bool, Any, None]:
    """Passes each value that is sent to `receive`, and yields whether to go on."""
    try:
        value = yield True
        while receive is None or receive(value) is not False:
            value = yield True
    except GeneratorExit:
        raise
    except BaseException as error:
        caught.append(error)
    yield False


def started(receive: Callable[[Any], object] | None, caught: list[BaseException]) -> Generator[bool, Any, None]:
    made = receiver(receive, caught)
    next(made)
    return made


def watch_of(progress: Progress | None, caught: list[BaseException]) -> Watch | None:
    """A limn_watch; None if there is nobody to tell: only the main thread receives signals."""
    if progress is None and threading.current_thread() is not threading.main_thread():
        return None
    return Watch(send_progress, started(progress, caught))


def observer_of(observe: Callable[[Any], object] | None, caught: list[BaseException]) -> Observer | None:
    """A limn_observer, which receives pointers to limn_values; None if there is nobody to tell."""
    return None if observe is None else Observer(send_value, started(observe, caught))


def call_watched(function: Any, *arguments: Any, progress: Progress | None) -> None:
    """call() of a function whose last argument but one is a limn_watch."""
    caught: list[BaseException] = []
    watch = watch_of(progress, caught)
    raising(caught, function, *arguments, None if watch is None else ctypes.byref(watch))


def raising(caught: list[BaseException], function: Any, *arguments: Any) -> None:
    """call(), after which an exception that was caught in a callback is raised, instead of Cancelled."""
    try:
        call(function, *arguments)
    finally:
        if caught:
            raise caught.pop() from None
