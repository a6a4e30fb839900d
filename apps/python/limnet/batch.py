"""Processes a folder of pictures, by processes of this machine or on a Ray cluster.

    python -m limnet.batch FOLDER OUT --colorize
    python -m limnet.batch FOLDER OUT --upscale 2 --jobs 8
    python -m limnet.batch s3://bucket/small s3://bucket/large --upscale --ray auto

Every picture of FOLDER and its subfolders becomes a PNG file of the same name in OUT. One that exists already is
skipped, so that the same command finishes what was interrupted; a file appears only when it is complete. Failures are
JSON lines in OUT/failures.jsonl. Each worker loads the weights once. Exit codes: 0 all done, 1 some pictures failed,
2 usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import Any, NamedTuple

from . import LimnError, colorize, configure, segment, upscale
from ._folders import Folder, folder_of
from ._images import pixels_of_file, png
from ._model import Model
from ._pipelines import model_for

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".pnm", ".tif", ".tiff", ".webp")
FAILURES = "failures.jsonl"


class Job(NamedTuple):
    """What to do with each picture, in which folders."""

    source: str
    output: str
    task: str  # "colorize", "upscale" or "segment"
    scale: int | None
    model: str | None
    threads: int  # of each worker


class Worker:
    """Does a job's pictures one by one, in a process of its own, with a model that is loaded once."""

    def __init__(self, job: Job) -> None:
        configure(threads=job.threads)
        self.job = job
        self.source, self.output = folder_of(job.source), folder_of(job.output)
        self.model: Model = model_for(job.task, job.model)

    def do(self, name: str, result: str) -> dict[str, str] | None:
        """Makes the output `result` of the picture `name`; returns what failed, for the report."""
        try:
            pixels = pixels_of_file(io.BytesIO(self.source.read(name)), name)
            self.output.write(result, png(self.made(pixels)))
        except (Exception, MemoryError) as error:
            return {"input": name, "kind": type(error).__name__, "message": str(error)}
        return None

    def made(self, pixels: Any) -> Any:
        if self.job.task == "upscale":
            return upscale(pixels, self.job.scale, self.model)
        if self.job.task == "colorize":
            return colorize(pixels, self.model)
        return segment(pixels, self.model).overlay()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch of Ray Data: names and results in, failures as JSON out."""
        failures = [
            self.do(str(name), str(result)) for name, result in zip(batch["name"], batch["result"], strict=True)
        ]
        return {"failure": [json.dumps(failure) for failure in failures]}


# ---- what is to be done --------------------------------------------------------------------


def undone(source: Folder, output: Folder, failures: list[dict[str, str]]) -> list[tuple[str, str]]:
    """The pictures without an output, and their outputs. Of two with the same output, the second one fails."""
    done = set(output.names()) if output.exists() else set()
    results: dict[str, str] = {}
    for name in sorted(source.names()):
        if not name.lower().endswith(ENDINGS):
            continue
        result = os.path.splitext(name)[0] + ".png"
        if result in results:
            message = f"{name}: its output {result} is that of {results[result]}"
            failures.append({"input": name, "kind": "OutputError", "message": message})
        else:
            results[result] = name
    return [(name, result) for result, name in results.items() if result not in done]


# ---- on this machine -----------------------------------------------------------------------

_worker: Worker


def _start(job: Job) -> None:
    global _worker
    _worker = Worker(job)


def _do(name: str, result: str) -> dict[str, str] | None:
    return _worker.do(name, result)


def by_processes(job: Job, items: Iterable[tuple[str, str]], jobs: int) -> Iterator[dict[str, str] | None]:
    """The outcome of each item, in the order in which they are done. A few wait, so that no process is idle."""
    waiting: set[Future[dict[str, str] | None]] = set()
    with ProcessPoolExecutor(jobs, get_context("spawn"), _start, (job,)) as pool:
        try:
            for item in items:
                waiting.add(pool.submit(_do, *item))
                if len(waiting) >= 4 * jobs:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            yield from (future.result() for future in waiting)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


# ---- on a cluster --------------------------------------------------------------------------


def by_ray(job: Job, items: list[tuple[str, str]], address: str, jobs: int) -> Iterator[dict[str, str] | None]:
    """The outcome of each item, from `jobs` actors of one core. Ray repeats the batches of a node that dies."""
    import ray

    if not ray.is_initialized():
        ray.init(address=None if address == "local" else address, log_to_driver=False)
    rows = [{"name": name, "result": result} for name, result in items]
    dataset = ray.data.from_items(rows, override_num_blocks=max(1, min(len(rows), 4 * jobs)))
    outcomes = dataset.map_batches(Worker, fn_constructor_args=(job,), batch_size=16, concurrency=jobs, num_cpus=1)
    for row in outcomes.iter_rows():
        yield json.loads(row["failure"])


# ---- the command line ----------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m limnet.batch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", help="a folder; with --ray also a URL such as s3://bucket/folder")
    parser.add_argument("output", metavar="OUT", help="a folder, which is created")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--colorize", action="store_true", help="colorize the pictures")
    task.add_argument("--upscale", type=int, nargs="?", const=4, metavar="N", help="enlarge them N times (4)")
    task.add_argument("--segment", action="store_true", help="segment them: the pictures under the classes' colours")
    parser.add_argument("-m", "--model", metavar="WEIGHTS", help="name or path of weights (default: the task's)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="workers (one per core)")
    parser.add_argument("--ray", metavar="ADDRESS", help="a Ray cluster: auto, ray://HOST:PORT, or local to start one")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs {options.jobs}: expected at least 1")
    task = "colorize" if options.colorize else "segment" if options.segment else "upscale"
    threads = 1 if options.ray else max(1, (os.cpu_count() or 1) // options.jobs)
    job = Job(options.folder, options.output, task, options.upscale, options.model, threads)
    source, output = folder_of(job.source), folder_of(job.output)
    if not source.exists():
        parser.error(f"{job.source}: no such folder")
    try:
        model_for(task, options.model)
    except LimnError as error:
        parser.error(str(error))
    failures: list[dict[str, str]] = []
    items = undone(source, output, failures)
    outcomes = by_ray(job, items, options.ray, options.jobs) if options.ray else by_processes(job, items, options.jobs)
    try:
        for count, failure in enumerate(outcomes if items else (), 1):
            if failure:
                failures.append(failure)
            if sys.stderr.isatty() or count == len(items):
                done = f"{count} of {len(items)} pictures, {len(failures)} failed"
                print(f"\r{done}", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        return 130
    finally:
        output.write(FAILURES, "".join(json.dumps(failure) + "\n" for failure in failures).encode())
        print(file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
