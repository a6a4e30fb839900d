"""The engine of this process: created when it is first needed, and again in a process that was forked."""

from __future__ import annotations

import ctypes
import os
import threading

from ._library import LIBRARY, Options, call


class _State:
    """What a fork makes invalid: the threads of an engine do not exist in the child."""

    def __init__(self, generation: int) -> None:
        self.generation = generation  # counts the forks before this process
        self.lock = threading.Lock()
        self.models_lock = threading.RLock()
        self.engine: ctypes.c_void_p | None = None


_PRECISIONS = ("fp32", "bf16x2", "bf16")  # by limn_precision

_state = _State(0)
_options = Options()


def _after_fork() -> None:
    global _state
    _state = _State(_state.generation + 1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def generation() -> int:
    """Changes in a forked process, in which objects of its parent must not be used."""
    return _state.generation


def models_lock() -> threading.RLock:
    """Held while a model is loaded. Free in a forked process, whatever the threads of its parent did."""
    return _state.models_lock


def engine() -> ctypes.c_void_p:
    with _state.lock:
        if _state.engine is None:
            made = ctypes.c_void_p()
            call(LIBRARY.limn_engine_create, ctypes.byref(_options), ctypes.byref(made))
            _state.engine = made
        return _state.engine


def configure(
    threads: int | None = None,
    isa: str | None = None,
    memory_limit: int | None = None,
    precision: str | None = None,
) -> None:
    """Sets options of the engine. Call it before anything else; a process that was forked keeps the options.

    Parameters
    ----------
    threads
        At most 1024. Default: one per physical core, or fewer under a cgroup's CPU quota.
    isa
        "avx512+amx", "avx512+bf16", "avx512", "avx2", "neon", "baseline" or "amx-emulated" (AMX in plain C: slow, for
        checking). Default: the best that the CPU has and the system permits. On a CPU with AMX, "avx512+amx" and the
        default ask Linux to permit matrix tiles, which forbids small alternate signal stacks in this process; other
        sets do not ask.
    memory_limit
        Bytes that the process may hold through limn. Work that needs more is refused with MemoryLimitError.
        Default: what the machine and the process's limits allow.
    precision
        "fp32" (default), "bf16x2" or "bf16": the lowest precision of the numbers that are multiplied. Lower is faster
        where the CPU has instructions for it; see limn_precision in limn.h.

    Raises
    ------
    RuntimeError
        The engine is already running.
    ValueError
        The precision is unknown.
    UsageError
        An option is out of range, or the CPU lacks the instruction set or the system denies it. Raised when the engine starts.
    """
    if precision is not None and precision not in _PRECISIONS:
        raise ValueError(f"limnet.configure: precision {precision!r}: {', '.join(_PRECISIONS)} expected")
    with _state.lock:
        if _state.engine is not None:
            raise RuntimeError("limnet.configure: the engine is already running; call it before anything else")
        _options.threads = threads or 0
        _options.isa = isa.encode() if isa else None
        _options.precision = _PRECISIONS.index(precision or "fp32")
        _options.memory_limit = memory_limit or 0


def describe() -> str:
    """One line: version of limn, instruction set, number of threads."""
    text: bytes = LIBRARY.limn_engine_describe(engine())
    return text.decode()
