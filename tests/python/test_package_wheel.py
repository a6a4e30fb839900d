"""What apps/python/backend.py packs: a wheel that works alone, and a source distribution that holds what it needs."""

from __future__ import annotations

import fnmatch
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from cli_support import ROOT, made
from package_support import LIBRARY

THREE_LINES = """
import limnet, numpy
large = limnet.upscale(numpy.zeros((16, 20), numpy.uint8))
print(large.shape, limnet.__file__)
"""


def loaded():
    spec = importlib.util.spec_from_file_location("backend", ROOT / "apps/python/backend.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


backend = loaded()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    library = folder / "liblimn.so"
    library.symlink_to(LIBRARY)
    return folder / backend.write_wheel(folder, library, "manylinux_2_28_x86_64")


def test_a_wheel_works_alone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    env = {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", THREE_LINES], env=env, capture_output=True, text=True, check=False)
    assert done.stdout == f"(64, 80) {tmp_path / 'limnet/__init__.py'}\n", done.stderr


def test_a_wheel_records_its_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    (record,) = (data for name, data in files.items() if name.endswith("RECORD"))
    rows = [line.split(",") for line in record.decode().splitlines()]
    assert sorted(name for name, *_ in rows) == sorted(files)
    for name, digest, size in rows[:-1]:
        want = urlsafe_b64encode(hashlib.sha256(files[name]).digest()).decode().rstrip("=")
        assert (digest, size) == (f"sha256={want}", str(len(files[name])))
    assert {"limnet/py.typed", "limnet/checkpoint/catalog.json", "limnet/weights/enhancenet.safetensors"} <= set(files)
    assert wheel.stat().st_size < 25_000_000


def test_the_readme_installs_it(wheel: Path) -> None:
    (pattern,) = re.findall(r"pip install build/python/(\S+)", (ROOT / "apps/python/README.md").read_text("utf-8"))
    assert fnmatch.fnmatch(wheel.name, pattern)


def test_the_metadata_is_that_of_the_project() -> None:
    text = backend.metadata()
    for line in ("Name: limnet", "Requires-Dist: numpy>=1.21", 'Requires-Dist: ray[data]; extra == "ray"'):
        assert f"\n{line}\n" in text
    import limnet

    assert f"\nVersion: {limnet.__version__}\n" in text


def test_the_same_files_give_the_same_archives(wheel: Path, tmp_path: Path) -> None:
    backend.write_wheel(tmp_path, wheel.parent / "liblimn.so", "manylinux_2_28_x86_64")
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_a_source_distribution_holds_what_make_needs(tmp_path: Path) -> None:
    if not (backend.STB / "stb_image.h").exists():
        pytest.skip("stb is in no folder of the system")
    name = backend.build_sdist(str(tmp_path))
    with tarfile.open(tmp_path / name) as archive:
        archive.extractall(tmp_path)
    top = tmp_path / name.removesuffix(".tar.gz")
    files = {"LICENSE", "PKG-INFO", "README.md", "backend.py", "pyproject.toml", "limn", "limnet"}
    assert {one.name for one in top.iterdir()} == files
    assert (top / "limn/foreign/stb/stb_image.h").exists()
    done = made("-n", "BLAS=none", f"BUILD={tmp_path / 'build'}", "bundled", cwd=top / "limn")
    assert (done.returncode, done.stderr) == (0, "")
