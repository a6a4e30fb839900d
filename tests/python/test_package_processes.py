"""The Python package with threads and processes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from package_support import python, random_pixels, run

import limnet

X = random_pixels(24, 30, 3)


# ---- threads -------------------------------------------------------------------------------


def test_eight_threads_share_a_model() -> None:
    model = limnet.Model("enhancenet")
    images = [random_pixels(20 + i, 24, 3) for i in range(8)]
    want = [limnet.upscale(image, model=model) for image in images]
    tensor = np.random.default_rng(1).random((1, 3, 24, 24), np.float32)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda image: limnet.upscale(image, model=model), images * 4))
        runs = list(pool.map(lambda _: model.run(tensor), range(16)))
    assert all(np.array_equal(a, b) for a, b in zip(got, want * 4, strict=True))
    assert all(np.array_equal(run, runs[0]) for run in runs)


def test_other_threads_run_meanwhile() -> None:
    """Without the interpreter's lock, a counter goes on during the one call, which has no callback."""
    counted, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            counted[0] += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    limnet.upscale(X)
    counter.start()
    before = counted[0]
    worker = threading.Thread(target=limnet.upscale, args=(random_pixels(200, 200, 3),))
    worker.start()
    worker.join()
    during = counted[0] - before
    stop.set()
    counter.join()
    assert during > 5


def test_memory_is_flat() -> None:
    code = """
import resource, sys
import numpy as np, limnet
limnet.configure(threads=1)
model, x = limnet.Model("enhancenet"), np.zeros((8, 8, 3), np.uint8)
y = np.zeros((1, 3, 8, 8), np.float32)
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
for i in range(int(sys.argv[1])):
    limnet.upscale(x, model=model), model.run(y), model.values(y, nodes=model.nodes[:1])
    if i == 100:
        before = rss()
print(rss() - before)
"""
    if not Path("/proc/self/statm").exists():
        pytest.skip("there is no /proc")
    done = python(code, 300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1 << 20


def test_precision() -> None:
    code = """
import numpy as np, limnet
try:
    limnet.configure(precision="fp16")
except ValueError as error:
    print(error)
limnet.configure(isa="amx-emulated", precision="bf16")
print(limnet.describe())
assert limnet.upscale(np.zeros((8, 8, 3), np.uint8)).shape == (32, 32, 3)
"""
    done = python(code, 300)
    assert done.returncode == 0, done.stderr
    assert "limnet.configure: precision 'fp16': fp32, bf16x2, bf16 expected" in done.stdout
    assert ", amx-emulated kernels, precision bf16, " in done.stdout


# ---- processes -----------------------------------------------------------------------------

FORKED = """
import multiprocessing, sys
import numpy as np, limnet
x = np.random.default_rng(1).integers(0, 256, (24, 30, 3), np.uint8)
model = limnet.Model("enhancenet")
tensor = np.zeros((1, 3, 16, 16), np.float32)
def made(_):
    return limnet.upscale(x, model=model), limnet.upscale(x), model.run(tensor)
if __name__ == "__main__":
    want = made(0)
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        for got in pool.map(made, range(6)):
            assert all(np.array_equal(a, b) for a, b in zip(got, want))
    assert np.array_equal(made(0)[0], want[0])
    print("the same")
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(method: str, tmp_path: Path) -> None:
    (tmp_path / "processes.py").write_text(FORKED)
    done = run([str(tmp_path / "processes.py"), method])
    assert (done.stdout, done.stderr) == ("the same\n", "")


def test_a_fork_while_threads_are_inside() -> None:
    code = """
import multiprocessing, threading
import numpy as np, limnet
model, x = limnet.Model("enhancenet"), np.zeros((40, 40, 3), np.uint8)
stop = threading.Event()
def busy():
    while not stop.is_set():
        limnet.upscale(x, model=model)
threads = [threading.Thread(target=busy) for _ in range(3)]
[thread.start() for thread in threads]
def child():
    assert limnet.upscale(x, model=model).shape == (160, 160, 3)
children = [multiprocessing.get_context("fork").Process(target=child) for _ in range(5)]
for one in children:
    one.start()
for one in children:
    one.join(60)
stop.set()
print([one.exitcode for one in children])
[one.kill() for one in children]
"""
    done = python(code)
    assert done.stdout == "[0, 0, 0, 0, 0]\n", done.stderr


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_data_loader(method: str) -> None:
    data = pytest.importorskip("torch.utils.data")
    loader = data.DataLoader(Enlarged(), batch_size=2, num_workers=2, multiprocessing_context=method)
    got = np.concatenate([batch.numpy() for batch in loader])
    assert np.array_equal(got, np.stack([Enlarged()[i] for i in range(4)]))


class Enlarged:
    """A dataset of four images, enlarged by a model that travels with it."""

    def __init__(self) -> None:
        self.model = limnet.Model("enhancenet")

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> np.ndarray:
        return limnet.upscale(X + np.uint8(index), model=self.model)
