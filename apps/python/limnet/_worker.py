"""Processes that make pictures for limnet.batch. One that crashes costs one picture.

`python -m limnet._worker` is such a process. It reads lines of JSON, first the job, then a picture and its output a
line, and answers each with a line: null, or what failed. It ends when its input does, so also if its parent is killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ._engine import configure
from ._errors import BY_STATUS, LimnError
from ._folders import folder_of, part_of
from ._jobs import Failure, Job, Pictures, reason_of, status_of

Item = tuple[str, str]  # names of a picture and of its output


class Stopped(Exception):
    """The worker was ended while it worked."""


class Worker:
    """A process, started when it is needed, and again after it crashed. One thread at a time may call `make`."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lock = threading.Lock()  # of what follows
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def make(self, item: Item) -> Failure | None:
        """Makes one output. Raises LimnError if the process cannot load the weights."""
        process = self._process or self._start()
        found, answer = self._ask(process, item)
        if found:
            return Failure(*answer) if answer else None
        return self._crashed(process, item)

    def stop(self) -> None:
        """Ends the process at once. May be called by any thread; a `make` that works raises Stopped."""
        with self._lock:
            self._stopped = True
            if self._process:
                self._process.kill()
                self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        root = str(Path(__file__).parents[1])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        # NumPy's threads would idle. A session of its own keeps Ctrl-C from the process; stop() ends it.
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-W", "ignore", "-m", f"{__package__}._worker"]
        with self._lock:
            if self._stopped:
                raise Stopped
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            process = subprocess.Popen(command, env=env, start_new_session=True, **pipes)
            self._process = process
        found, answer = self._ask(process, self._job)
        if not found or answer:
            status, reason = (answer[1], answer[2]) if answer else (0, f"a process of {command[0]} does not start")
            self._process = None
            process.wait()
            raise BY_STATUS.get(status, LimnError)(reason)
        return process

    def _ask(self, process: subprocess.Popen[bytes], question: Any) -> tuple[bool, Any]:
        """Whether there is an answer, and the answer."""
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = b""
        return (True, json.loads(line)) if line.endswith(b"\n") else (False, None)

    def _crashed(self, process: subprocess.Popen[bytes], item: Item) -> Failure:
        name, result = item
        code = process.wait()
        folder_of(self._job.output).remove(part_of(result, process.pid))
        with self._lock:
            if self._stopped:
                raise Stopped
            self._process = None
        if code >= 0:
            return Failure(name, code or 1, f"{name}: the process ended with exit code {code}")
        return Failure(name, 128 - code, f"{name}: the process was ended by {signal.Signals(-code).name}")


def by_processes(job: Job, items: Iterable[Item], count: int) -> Generator[Failure | None, None, None]:
    """The outcome of each item, in the order in which they are done. Closing the iterator ends the processes."""
    workers = [Worker(job) for _ in range(count)]
    idle: SimpleQueue[Worker] = SimpleQueue()

    def make(item: Item) -> Failure | None:
        worker = idle.get()
        try:
            return worker.make(item)
        finally:
            idle.put(worker)

    for worker in workers:
        idle.put(worker)
    waiting: set[Future[Failure | None]] = set()
    with ThreadPoolExecutor(count) as threads:
        try:
            for item in items:
                waiting.add(threads.submit(make, item))
                if len(waiting) >= 2 * count:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for worker in workers:
                worker.stop()


# ---- the process ---------------------------------------------------------------------------


def _serve() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer

    def answer(failure: Failure | None) -> None:
        answers.write(json.dumps(failure) + "\n")
        answers.flush()

    job = Job(*json.loads(sys.stdin.readline()))
    try:
        configure(threads=job.threads)
        pictures = Pictures(job)
    except Exception as error:
        answer(Failure("", status_of(error), reason_of("", error)))
        return
    answer(None)
    for line in sys.stdin:
        answer(pictures.make(*json.loads(line)))


if __name__ == "__main__":
    try:
        _serve()
    except BrokenPipeError:  # the parent was killed
        os._exit(1)
