"""limnet.batch on a local Ray cluster of two nodes, against the same folder by processes.

1,000 small pictures, one of them damaged. The driver is killed; the same command is run again, and in the middle of it
a node is killed. Every output must exist once, with the bytes of the run by processes, and the report must name the
damaged picture. A last run, undisturbed, shows what Ray costs. Skipped, with a line that says so, without Ray.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
from checks import ROOT, Failure
from PIL import Image

COUNT, DAMAGED = 1000, "0500.png"
SECONDS = 900  # for a run, on a busy machine


class Batch:
    """A folder of pictures, and the commands that enlarge them."""

    def __init__(self, library: pathlib.Path, folder: pathlib.Path) -> None:
        self.folder = folder
        paths = {"LIMNET_LIBRARY": str(library), "LIMN_WEIGHTS": str(ROOT / "weights")}
        os.environ.update(paths, PYTHONPATH=str(ROOT / "apps/python"), RAY_raylet_start_wait_time_s="300")
        (folder / "in").mkdir()
        rng = np.random.default_rng(1)
        for index in range(COUNT):
            pixels = rng.integers(0, 256, (20, 20 + index % 7, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"in/{index:04}.png")
        (folder / "in" / DAMAGED).write_bytes(b"no picture")

    def start(self, output: str, *more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "limnet.batch", self.folder / "in", self.folder / output, "--upscale", "2"]
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}  # Ray prints logs of nodes that it lost
        return subprocess.Popen([*command, "--jobs", "2", *more], text=True, **pipes)

    def run(self, output: str, *more: str) -> str:
        """A whole run; returns its seconds until the first output, and after it."""
        start = time.perf_counter()
        driver = self.start(output, *more)
        self.wait(output, 1, driver)
        first = time.perf_counter()
        finish(driver)
        return f"{first - start:.1f} + {time.perf_counter() - first:.1f} s"

    def count(self, output: str) -> int:
        return len(list((self.folder / output).glob("[0-9]*.png")))

    def wait(self, output: str, count: int, driver: subprocess.Popen[str]) -> None:
        """Until the driver's run has made `count` outputs."""
        end = time.monotonic() + SECONDS
        while self.count(output) < count:
            if driver.poll() is not None or time.monotonic() > end:
                raise Failure(f"{self.count(output)} outputs, expected {count}: {driver.communicate()[1]}")
            time.sleep(0.02)

    def contents(self, output: str) -> dict[str, bytes]:
        """All files, also hidden ones."""
        files = (path for path in (self.folder / output).rglob("*") if path.is_file())
        return {path.relative_to(self.folder / output).as_posix(): path.read_bytes() for path in files}


def finish(driver: subprocess.Popen[str]) -> None:
    said = driver.communicate(timeout=SECONDS)[1]
    if driver.returncode != 1:  # some pictures failed
        raise Failure(f"exit code {driver.returncode}: {said.strip()}")


@contextlib.contextmanager
def cluster_of_two() -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of a cluster of two nodes of one core, and a function that kills the second one."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        second = cluster.add_node(num_cpus=1)
        yield cluster.address, lambda: cluster.remove_node(second, allow_graceful=False)
    finally:
        cluster.shutdown()


def kill_driver(batch: Batch, address: str) -> str:
    driver = batch.start("out", "--ray", address)
    batch.wait("out", COUNT // 5, driver)
    driver.kill()
    driver.wait()
    time.sleep(3)  # for the pictures that its actors had begun
    made = batch.count("out")
    if made >= COUNT - 1:
        raise Failure("the driver was killed too late")
    return f"{made} of {COUNT} pictures made before the driver was killed"


def kill_node(batch: Batch, address: str, kill: Callable[[], None]) -> str:
    driver = batch.start("out", "--ray", address)
    batch.wait("out", batch.count("out") + COUNT // 5, driver)
    kill()
    made = batch.count("out")
    finish(driver)
    want, got = batch.contents("processes"), batch.contents("out")
    if got != want:
        wrong = sorted(name for name in {*want, *got} if want.get(name) != got.get(name))
        raise Failure(f"{len(wrong)} files differ from those of the run by processes: {', '.join(wrong[:5])}")
    if [json.loads(line)["file"] for line in got["failures.jsonl"].splitlines()] != [DAMAGED]:
        raise Failure(f"the report is {got['failures.jsonl']!r}")
    return f"a node killed after {made} pictures; all {COUNT - 1} outputs once, equal to those by processes"


def measure(batch: Batch) -> Iterator[str]:
    processes = batch.run("processes")
    with cluster_of_two() as (address, kill):
        yield kill_driver(batch, address)
        yield kill_node(batch, address, kill)
    with cluster_of_two() as (address, _):
        ray = batch.run("undisturbed", "--ray", address)
    if batch.contents("undisturbed") != batch.contents("processes"):
        raise Failure("an undisturbed run differs from that by processes")
    yield f"until and after the first output {processes} by two processes, {ray} on two nodes of one core"


def run_checks(limn: str, only: str = "") -> list[bool]:
    """Prints a line for each part; returns whether each passed."""
    library = next(iter(sorted(pathlib.Path(limn).resolve().parent.glob("liblimn.so.*"))), None)
    if not "ray".startswith(only):
        return []
    if importlib.util.find_spec("ray") is None or library is None:
        missing = "Ray is not installed (pip install 'ray[data]')" if library else "there is no shared library"
        print(f"ray: skipped, {missing}")
        return []
    results = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for line in measure(Batch(library, pathlib.Path(folder))):
                print(f"ray: {line}", flush=True)
                results.append(True)
        except (Failure, subprocess.TimeoutExpired) as failure:
            print(f"ray: FAILED: {failure}", flush=True)
            results.append(False)
    return results


if __name__ == "__main__":
    sys.exit(not all(run_checks(sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/limn"))))
