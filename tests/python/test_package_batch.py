"""limnet.batch: names and pixels of the program's folders, restarts, failures, crashes, interruptions."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, limn
from package_support import ROOT, python, random_pixels

from limnet import _folders, _jobs, batch, colorize, upscale

pil = pytest.importorskip("PIL.Image")

NUCLEI, SCENES = ["-m", "unet-nuclei"], ["-m", "deeplabv3-scenes", "--view", "mask"]
MASK, OVERLAY = [*NUCLEI, "--view", "mask"], [*NUCLEI, "--view", "overlay"]
WEIGHTS = {"LIMN_WEIGHTS": str(ROOT / "weights")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of all kinds that limn writes, and one that cannot be read."""
    root = tmp_path / "in"
    (root / "sub/.hidden").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "c.JPEG", "d.bmp", "e.ppm", "sub/a.png", "sub/f.tif"):
        pil.fromarray(random_pixels(17, 20, 3)).save(root / name)
    pil.fromarray(random_pixels(17, 20, 4)).save(root / "alpha.png")
    pil.fromarray(random_pixels(17, 20)).save(root / "grey.pgm")
    for name in ("bad.png", "notes.txt", ".hidden.png", "sub/.hidden/g.png"):
        (root / name).write_text("no picture")
    return root


def run(*arguments: object, code: int = 0) -> str:
    """Runs the command in this process, with workers of its own; returns what it says."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        got = batch.main([*map(str, arguments), "--jobs", "2"])
    assert got == code, said.getvalue()
    return said.getvalue()


def report(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / batch.REPORT).read_text().splitlines()]


def outputs(folder: Path) -> dict[str, bytes]:
    """All files but the report, also hidden ones."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in sorted(files.items()) if name != batch.REPORT}


# ---- the program's folders -----------------------------------------------------------------


@pytest.mark.parametrize(
    "program, package",
    [
        (["upscale", "--scale", "2"], ["--upscale", "2"]),
        (["upscale", "--scale", "2", "--format", "bmp"], ["--upscale", "2", "--format", "bmp"]),
        (["upscale", "--scale", "2", "--format", "pnm"], ["--upscale", "2", "--format", "pnm"]),
        (["colorize", "-m", "eccv16-scenes"], ["--colorize", "-m", "eccv16-scenes"]),
        *((["segment", *more], ["--segment", *more]) for more in (NUCLEI, SCENES, MASK, OVERLAY)),
    ],
    ids=" ".join,
)
def test_names_and_pixels_are_the_program_s(
    folder: Path, tmp_path: Path, program: list[str], package: list[str]
) -> None:
    (folder / "sub/f.tif").unlink()  # limn does not read it, Pillow does
    assert limn(*program, "-q", "-r", str(folder), "-o", str(tmp_path / "want"), env=WEIGHTS).returncode == 1
    run(folder, tmp_path / "out", "-r", *package, code=1)
    want, got = outputs(tmp_path / "want"), outputs(tmp_path / "out")
    assert list(got) == list(want)
    for name in want:
        if name.lower().endswith(("jpg", "jpeg")) or (name.startswith("grey") and program[0] == "upscale"):
            continue  # Pillow's encoder; and limnet enlarges grey pictures to grey ones
        a, b = (pil.open(io.BytesIO(files[name])).convert("RGBA") for files in (want, got))
        assert np.array_equal(np.asarray(a), np.asarray(b)), name


def test_bytes_are_those_of_one_picture_saved(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path, "-r", "--upscale", "2", code=1)
    for name in ("a.png", "grey.pgm", "d.bmp", "sub/a.png"):
        upscale(folder / name, 2).save(tmp_path / "one.png", _jobs.FORMATS[Path(name).suffix])
        assert (tmp_path / "one.png").read_bytes() == (tmp_path / name).read_bytes()


def test_jpeg_resembles_the_program_s(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pil.open(ROOT / "weights/samples/chelsea.png").convert("RGB").crop((100, 60, 164, 124)).save(tmp_path / "in/a.jpg")
    assert limn("upscale", "-q", str(tmp_path / "in"), "-o", str(tmp_path / "want"), env=WEIGHTS).returncode == 0
    run(tmp_path / "in", tmp_path / "out", "--upscale")
    a, b = (np.asarray(pil.open(tmp_path / one / "a.jpg")).astype(int) for one in ("want", "out"))
    assert a.shape == b.shape and np.abs(a - b).mean() < 1


# ---- restarts and failures -----------------------------------------------------------------


def test_failures_are_reported_and_tried_again(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pil.fromarray(random_pixels(17, 20, 3)).save(folder / "a.tif")
    for made, done in ((8, 0), (0, 8)):
        said = run(folder, out, "--upscale", "2", code=1)
        assert said == f"{made} pictures made, 2 failed, {done} were done before\n".replace("8", "7")
        assert report(out) == [
            {"file": "a.tif", "status": 5, "reason": "a.tif: its output a.png is that of a.png"},
            {"file": "bad.png", "status": 4, "reason": "bad.png: not a picture that Pillow reads"},
        ]
    (folder / "bad.png").unlink()
    (folder / "a.tif").unlink()
    (out / "alpha.png").write_bytes(b"")  # a file system may leave this after a power cut
    assert run(folder, out, "--upscale", "2").startswith("1 pictures made, 0 failed, 6 ")
    assert report(out) == []


def test_an_output_folder_in_the_input_folder_is_no_input(folder: Path) -> None:
    run(folder, folder / "sub/out", "-r", "--upscale", "2", code=1)
    before = outputs(folder / "sub/out")
    assert run(folder, folder / "sub/out", "-r", "--upscale", "2", code=1).startswith("0 pictures made, 1 failed, 9 ")
    assert outputs(folder / "sub/out") == before


@pytest.mark.parametrize(
    "arguments, code, says",
    [
        (["in", "out", "--colorize", "-m", "unet-nuclei"], 2, "expected a colorization network"),
        (["in", "out", "--colorize", "-m", "nothing"], 3, "nothing"),
        (["none", "out", "--colorize"], 4, "none: no such folder"),
        (["empty", "out", "--upscale"], 4, "empty: no pictures in this folder"),
        (["in", "in/bad.png", "--upscale"], 5, "bad.png"),
        (["in", "out", "--segment", "--view", "mask", "--format", "jpg"], 2, "JPEG changes the values"),
    ],
)
def test_refused_before_the_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    said = run(*arguments, code=code)
    assert says in said and said.count("\n") == 1


@pytest.mark.parametrize("arguments", [["in", "in", "--colorize"], ["in", "out", "--upscale", "5"], ["in", "out"]])
def test_usage(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(folder.parent)
    with pytest.raises(SystemExit) as caught, contextlib.redirect_stderr(io.StringIO()):
        batch.main(arguments)
    assert caught.value.code == 2


# ---- crashes and interruptions -------------------------------------------------------------


def small_pictures(folder: Path, count: int, side: int = 24) -> None:
    folder.mkdir(exist_ok=True)
    for index in range(count):
        pil.fromarray(random_pixels(side, side + index % 3, 3)).save(folder / f"{index:04}.png")


@contextlib.contextmanager
def running(*arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "apps/python")}
    command = [sys.executable, "-m", "limnet.batch", *map(str, arguments), "--jobs", "2"]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE) as process:
        yield process
        process.kill()


def wait_for(condition, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def workers_of(process: int) -> list[int]:
    lists = Path(f"/proc/{process}/task").glob("*/children")  # of each thread
    return [int(child) for one in lists for child in one.read_text().split()]


def is_running(process: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return ") Z" not in Path(f"/proc/{process}/stat").read_text()
    return False


def count_of(folder: Path) -> int:
    return len(list(folder.glob("*.png")))


def test_a_picture_that_ends_its_process_costs_only_itself(tmp_path: Path) -> None:
    small_pictures(tmp_path / "in", 30, 96)
    with running(tmp_path / "in", tmp_path / "out", "--upscale") as process:
        wait_for(lambda: count_of(tmp_path / "out") > 2)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        process.wait(120)
    failed = report(tmp_path / "out")
    assert len(failed) <= 1  # none if the process was between two pictures
    assert all(line["status"] == 137 and "ended by SIGKILL" in str(line["reason"]) for line in failed)
    assert process.returncode == len(failed) and len(outputs(tmp_path / "out")) == 30 - len(failed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_and_finished_by_the_same_command(tmp_path: Path, number: signal.Signals) -> None:
    small_pictures(tmp_path / "in", 24, 64)
    (tmp_path / "in/0000.png").write_bytes(b"bad")
    run(tmp_path / "in", tmp_path / "want", "--upscale", "2", code=1)
    out = tmp_path / "out"
    with running(tmp_path / "in", out, "--upscale", "2") as process:
        wait_for(lambda: count_of(out) > 3)
        workers = workers_of(process.pid)
        assert len(workers) == 2
        process.send_signal(number)
        start = time.monotonic()
        said = process.communicate(timeout=60)[1].decode()
        wait_for(lambda: not any(map(is_running, workers)), 60)
    if number == signal.SIGINT:
        assert process.returncode == 130 and said == "limnet.batch: interrupted; the same command does the rest\n"
        assert time.monotonic() - start < 5
    assert [line["file"] for line in report(out)] == ["0000.png"]  # written although the driver was killed
    want, got = outputs(tmp_path / "want"), outputs(out)
    assert len(got) < len(want) and got.items() <= want.items()  # what exists is complete
    run(tmp_path / "in", out, "--upscale", "2", code=1)
    assert outputs(out) == want and report(out) == report(tmp_path / "want")


def test_temporary_files_of_processes_that_ended_are_removed(tmp_path: Path) -> None:
    ended = python("import os; print(os.getpid())").stdout.strip()
    old, new, own, other = ".limnet-far-7.part", ".limnet-far-8.part", _folders.part_of("x"), "sub/.limnet-part"
    dead = _folders.part_of("x", int(ended))
    (tmp_path / "sub").mkdir()
    for name in (old, new, own, other, dead, "done.png"):
        (tmp_path / name).write_text("half")
    os.utime(tmp_path / old, (0, 0))
    assert _folders.finished(_folders.folder_of(str(tmp_path)), deep=True) == {"done.png"}
    assert set(outputs(tmp_path)) == {new, own, other, "done.png"}


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError):
        _folders.LocalFolder(str(tmp_path)).write("sub/a.png", b"data")
    assert outputs(tmp_path) == {}


# ---- the program, many at a time -----------------------------------------------------------


def test_gnu_parallel_over_the_program(tmp_path: Path) -> None:
    """The recipe of the package's README."""
    if shutil.which("parallel") is None:
        pytest.skip("there is no GNU parallel")
    small_pictures(tmp_path / "in", 12)
    recipe = f"find in -name '*.png' -print0 | parallel -0 -X -j2 {LIMN} upscale --threads 1 --skip-existing -q -o out/"
    run(tmp_path / "in", tmp_path / "want", "--upscale")
    (tmp_path / "out").mkdir()
    for _ in range(2):
        env = {**os.environ, **WEIGHTS}
        subprocess.run(recipe, shell=True, cwd=tmp_path, env=env, check=True, capture_output=True, timeout=120)
        assert list(outputs(tmp_path / "out")) == list(outputs(tmp_path / "want"))


# ---- folders by URL ------------------------------------------------------------------------


def test_folders_by_url(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    arguments = ["-r", "--upscale", "2", "--report", tmp_path / batch.REPORT]
    run(folder.as_uri(), (tmp_path / "url").as_uri(), *arguments, code=1)
    assert [line["file"] for line in report(tmp_path)] == ["bad.png"]
    assert run(folder.as_uri(), (tmp_path / "url").as_uri(), *arguments, code=1).startswith("0 pictures made, 1 failed")
    run(folder, tmp_path / "local", "-r", "--upscale", "2", code=1)
    assert outputs(tmp_path / "url") == outputs(tmp_path / "local")


# ---- examples ------------------------------------------------------------------------------


def example(name: str, *arguments: object) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "apps/python"), "MPLBACKEND": "agg"}
    command = [sys.executable, str(ROOT / "apps/python/examples" / name), *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_example_color_folder(tmp_path: Path) -> None:
    small_pictures(tmp_path / "in", 2)
    example("color_folder.py", tmp_path / "in", tmp_path / "out")
    want = np.asarray(colorize(tmp_path / "in/0001.png", "siggraph17-photos"))
    assert np.array_equal(np.asarray(pil.open(tmp_path / "out/0001.png")), want) and count_of(tmp_path / "out") == 2


def test_example_feature_maps(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    small_pictures(tmp_path, 1)
    example("feature_maps.py", tmp_path / "0000.png", "generator/Conv", tmp_path / "maps.png")
    assert pil.open(tmp_path / "maps.png").size == (1000, 1000)


def test_example_layer_times(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("torch")
    example("layer_times.py", tmp_path / "times.png")
    assert pil.open(tmp_path / "times.png").size == (800, 400)


def test_example_cluster(tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    small_pictures(tmp_path / "in", 4)
    example("cluster.py", tmp_path / "in", tmp_path / "out")
    assert {pil.open(path).size[1] for path in (tmp_path / "out").glob("*.png")} == {96}
