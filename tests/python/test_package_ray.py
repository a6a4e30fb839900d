"""limnet.batch on a local Ray cluster of two nodes, one of which is killed, and with a driver that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from package_support import ROOT, run

ray = pytest.importorskip("ray")
pil = pytest.importorskip("PIL.Image")
pytest.importorskip("pyarrow")

from ray.cluster_utils import Cluster  # noqa: E402

COUNT = int(os.environ.get("LIMN_RAY_PICTURES", "60"))  # 1000 takes minutes


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "apps/python"))  # of the workers
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "300")  # on a busy machine
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.node = made.add_node(num_cpus=1)
    yield made
    made.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(1)
    for i in range(COUNT):
        pil.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).save(tmp_path / "in" / f"{i:04}.png")
    return tmp_path


def command(folder: Path, output: str, *more: str) -> list[str]:
    return ["-m", "limnet.batch", str(folder / "in"), str(folder / output), "--upscale", "--jobs", "2", *more]


def done(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")} if folder.exists() else {}


def wait_for(count: int, folder: Path, process: subprocess.Popen) -> None:
    until = time.monotonic() + 300
    while len(done(folder)) < count and time.monotonic() < until and process.poll() is None:
        time.sleep(0.1)
    assert process.poll() is None, process.communicate()


def test_a_node_and_a_driver_that_are_killed(cluster, folder: Path) -> None:
    assert run(command(folder, "want")).returncode == 0
    want = done(folder / "want")
    assert len(want) == COUNT

    on_cluster = command(folder, "out", "--ray", cluster.address)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    driver = subprocess.Popen([sys.executable, *on_cluster], **options)
    wait_for(COUNT // 6, folder / "out", driver)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    time.sleep(3)  # what its actors had begun
    assert 0 < len(done(folder / "out")) < COUNT

    driver = subprocess.Popen([sys.executable, *on_cluster], **options)
    wait_for(len(done(folder / "out")) + COUNT // 6, folder / "out", driver)
    cluster.remove_node(cluster.node, allow_graceful=False)
    _, stderr = driver.communicate(timeout=600)
    assert driver.returncode == 0, stderr
    assert done(folder / "out") == want
    assert (folder / "out/failures.jsonl").read_bytes() == b""
    assert not list((folder / "out").glob(".*"))
