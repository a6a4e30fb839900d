"""Colorizes, enlarges or segments a folder of any number of pictures, by processes or on a Ray cluster.

    python -m limnet.batch FOLDER OUT --colorize
    python -m limnet.batch FOLDER OUT --upscale 2 -r --jobs 8
    python -m limnet.batch s3://bucket/small s3://bucket/large --upscale --ray auto

The outputs have the names that `limn colorize FOLDER -o OUT` gives them, and the bytes that limnet and Pillow's
save() give for one picture. A file appears only when it is complete, and pictures whose output exists are skipped, so
that the same command finishes what was interrupted by Ctrl-C, kill or a power cut. A picture that fails is a line of
JSON in OUT/failures.jsonl, written at once, and is tried again the next time; the others are done nevertheless.
Each worker loads the weights once. FOLDER and OUT may be URLs of file systems that pyarrow knows; Ray needs limnet on
every node.

Exit codes: 0 all is done, 1 some pictures failed, 2 usage, 3 weights, 4 input, 5 output, 6 memory, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, NamedTuple

from ._cluster import by_ray
from ._errors import LimnError
from ._folders import Folder, finished, folder_of, is_hidden
from ._jobs import INPUT, OUTPUT, PICTURES, SOME_FAILED, USAGE, Failure, Job, check, output_of, status_of
from ._worker import Item, by_processes

REPORT = "failures.jsonl"
_ENDINGS = {"png": ".png", "jpg": ".jpg", "bmp": ".bmp", "pnm": ".ppm"}  # of --format
_INTERRUPTED = 130


class Plan(NamedTuple):
    """What is to be done."""

    items: list[Item]
    failures: list[Failure]  # known before the work
    done: int  # pictures whose output exists


def plan(job: Job, deep: bool) -> Plan:
    """Lists the pictures of the job's folder without an output. Two with the same output cannot both have it."""
    source, output = folder_of(job.source), folder_of(job.output)
    done = finished(output, deep)
    first: dict[str, str] = {}  # the picture of each output
    items, failures = [], []
    for name in sorted(_pictures(source, output, deep)):
        result = output_of(job, name)
        other = first.setdefault(result, name)
        if other != name:
            reason = f"{name}: its output {result} is that of {other}"
            failures.append(Failure(name, OUTPUT, reason))
        elif result not in done:
            items.append((name, result))
    return Plan(items, failures, len(first) - len(items))


def _pictures(source: Folder, output: Folder, deep: bool) -> Iterator[str]:
    """The pictures of a folder, but not those of the output folder if that is in it."""
    inside = output.path[len(source.path) + 1 :] + "/" if output.path.startswith(source.path + "/") else None
    for file in source.files(deep):
        ending = os.path.splitext(file.name)[1].lower()
        if ending in PICTURES and not is_hidden(file.name) and not (inside and file.name.startswith(inside)):
            yield file.name


class _Progress:
    """Counts, and shows the counts on a terminal at most ten times a second."""

    def __init__(self, total: int) -> None:
        self.total, self.count, self.failed = total, 0, 0
        self._shown = 0.0

    def add(self, failed: bool) -> None:
        self.count += 1
        self.failed += failed
        if sys.stderr.isatty() and time.monotonic() - self._shown > 0.1:
            self._shown = time.monotonic()
            print(f"\r{self.count} of {self.total} pictures, {self.failed} failed ", end="", file=sys.stderr)

    def end(self) -> None:
        if self._shown:
            print(file=sys.stderr)


def run(job: Job, todo: Plan, report: IO[str], jobs: int, ray: str | None) -> int:
    """Makes the outputs, and writes what fails to the report. Returns how many pictures failed."""

    def write(failure: Failure) -> None:
        report.write(json.dumps(failure._asdict()) + "\n")
        report.flush()

    for failure in todo.failures:
        write(failure)
    progress = _Progress(len(todo.items))
    outcomes = by_ray(job, todo.items, ray, jobs) if ray else by_processes(job, todo.items, jobs)
    with closing(outcomes):
        for outcome in outcomes if todo.items else ():
            if outcome:
                write(outcome)
            progress.add(outcome is not None)
    progress.end()
    failed = progress.failed + len(todo.failures)
    made = progress.count - progress.failed
    print(f"{made} pictures made, {failed} failed, {todo.done} were done before", file=sys.stderr)
    return failed


# ---- the command line ----------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m limnet.batch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", help="folder of pictures, or its URL")
    parser.add_argument("output", metavar="OUT", help="folder for the outputs, or its URL; it is created")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--colorize", action="store_true", help="colorize the pictures")
    task.add_argument("--upscale", type=int, nargs="?", const=4, metavar="N", help="enlarge them N times (default 4)")
    task.add_argument("--segment", action="store_true", help="segment them into classes")
    views = ("mask", "color", "overlay")
    parser.add_argument("--view", choices=views, default="color", help="what --segment writes (default: color)")
    parser.add_argument("-m", "--model", metavar="NAME|FILE", help="weights (default: the task's)")
    parser.add_argument("-r", "--recursive", action="store_true", help="process subfolders too")
    parser.add_argument("--format", choices=_ENDINGS, help="of the outputs (default: the input's)")
    parser.add_argument("--quality", type=int, default=92, metavar="N", help="of JPEG, 1 to 100 (default 92)")
    parser.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: one per core)")
    parser.add_argument("--ray", metavar="ADDRESS", help="Ray cluster: auto, HOST:PORT, or local to start one")
    parser.add_argument("--report", type=Path, help=f"file for failures (default: {REPORT} in OUT, or here for a URL)")
    return parser


def _job(options: argparse.Namespace, jobs: int) -> Job:
    task = "colorize" if options.colorize else "segment" if options.segment else "upscale"
    # On a cluster the folders and the weights of this machine must be shared under the same names.
    source, output = (folder_of(path).path for path in (options.folder, options.output))
    model = os.path.abspath(options.model) if options.model and os.path.isfile(options.model) else options.model
    threads = 1 if options.ray else max(1, _cores() // jobs)
    return Job(
        *(source, output, task, model, options.upscale or 4),
        *(options.view, _ENDINGS.get(options.format), options.quality, threads),
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _report(options: argparse.Namespace, output: str) -> Path:
    here = Path() if "://" in output else Path(output)
    report: Path = options.report or here / REPORT
    return report


def _checked(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.jobs is not None and options.jobs < 1:
        parser.error(f"--jobs {options.jobs}: expected at least 1")
    if not 1 <= options.quality <= 100:
        parser.error(f"--quality {options.quality}: expected 1 to 100")
    if options.upscale is not None and not 2 <= options.upscale <= 4:
        parser.error(f"--upscale {options.upscale}: expected 2 to 4")


def _failed(status: int, text: str) -> int:
    print(f"limnet.batch: {text}", file=sys.stderr)
    return status


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _checked(parser, options)
    jobs = options.jobs or _cores()
    job = _job(options, jobs)
    if job.source == job.output:
        parser.error(f"{job.output}: FOLDER and OUT are the same folder")
    try:
        if not folder_of(job.source).exists():
            return _failed(INPUT, f"{options.folder}: no such folder")
        folder_of(job.output).create()
        check(job)
        todo = plan(job, options.recursive)
        if not todo.items and not todo.failures and not todo.done:
            return _failed(INPUT, f"{options.folder}: no pictures in this folder")
        with open(_report(options, job.output), "w", encoding="utf-8") as report:
            failed = run(job, todo, report, jobs, options.ray)
    except KeyboardInterrupt:
        return _failed(_INTERRUPTED, "interrupted; the same command does the rest")
    except ImportError as error:
        return _failed(USAGE, f"{error}; pip install 'limnet[ray]'")
    except LimnError as error:
        return _failed(status_of(error), str(error))
    except OSError as error:
        return _failed(OUTPUT, str(error))
    return SOME_FAILED if failed else 0


if __name__ == "__main__":
    sys.exit(main())
