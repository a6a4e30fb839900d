"""`limn generate` as a command: files and folders, existing outputs, the report, wrong command lines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_support import ROOT, WEIGHTS, Arguments, fails, read_png, succeeds
from generate_support import GREY, changed, generated, random_latents


def test_single_files(tmp_path: Path) -> None:
    """Named so that they sort by number, and scaled together, as on a sheet."""
    options = ("-m", GREY, "-n", "11", "--seed", "2")
    report = json.loads(succeeds("generate", *options, "-o", "new/", "--json", cwd=tmp_path))
    names = [f"new/{index:04}.png" for index in range(11)]
    assert report.pop("seconds") > 0 and report == {"seed": 2, "n": 11, "files": names}
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("new/*")) == names
    sheet = generated(tmp_path, GREY, *options[2:])
    for index, name in enumerate(names):
        top, left = 2 + index // 8 * 18, 2 + index % 8 * 18
        picture = read_png((tmp_path / name).read_bytes())
        np.testing.assert_array_equal(picture, sheet[top : top + 16, left : left + 16])


def test_a_folder_that_stands_needs_no_slash(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    succeeds("generate", "-m", GREY, "-n", "1", "-o", "out", cwd=tmp_path)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["0000.png"]


def test_what_stands_is_kept_without_force(tmp_path: Path) -> None:
    for name, arguments in (("sheet.png", ("sheet.png",)), ("out/0002.png", ("out/", "-n", "3"))):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"mine")
        line = fails(5, "generate", "-m", GREY, "-o", *arguments, cwd=tmp_path)
        assert f"{name}: already exists (use --force to replace it)" in line
        assert path.read_bytes() == b"mine" and len(list(path.parent.glob("*.png"))) == 1
        succeeds("generate", "-m", GREY, "--force", "-o", *arguments, cwd=tmp_path)
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert "file" in fails(5, "generate", "-m", GREY, "-o", "file/", cwd=tmp_path)
    assert "none" in fails(5, "generate", "-m", GREY, "-o", "none/none/", cwd=tmp_path)
    assert "none" in fails(5, "generate", "-m", GREY, "-o", "none/out.png", cwd=tmp_path)


def test_other_outputs(tmp_path: Path) -> None:
    piped = succeeds("generate", "-m", GREY, "-o", "-")
    np.testing.assert_array_equal(read_png(piped), generated(tmp_path, GREY))
    for name, signature in (("a.jpg", b"\xff\xd8\xff"), ("a.ppm", b"P6\n"), ("a.bmp", b"BM")):
        succeeds("generate", "-m", GREY, "-o", name, cwd=tmp_path)
        assert (tmp_path / name).read_bytes().startswith(signature)


def test_the_report_names_what_was_asked_for(tmp_path: Path) -> None:
    report = json.loads(succeeds("generate", "-m", GREY, "-o", "a.png", "--json", cwd=tmp_path))
    assert report.pop("seconds") > 0 and report == {"seed": 0, "n": 16, "files": ["a.png"]}
    report = json.loads(succeeds("generate", "-m", GREY, "-o", "b.png", "--json", "--walk", "1,2,5", cwd=tmp_path))
    assert report.pop("seconds") > 0 and report == {"walk": [1, 2], "n": 5, "files": ["b.png"]}
    np.save(tmp_path / "z.npy", random_latents(2, GREY))
    report = json.loads(succeeds("generate", "-m", GREY, "-o", "c.png", "--json", "--latent", "z.npy", cwd=tmp_path))
    assert report.pop("seconds") > 0 and report == {"latent": "z.npy", "n": 2, "files": ["c.png"]}


# Command lines

USAGE = [
    (("-m", WEIGHTS, "-o", "x.png"), "enhancenet.safetensors: expected a generator network (dcgan), found enhancenet"),
    (("-m", ROOT / "tests/goldens/vae.safetensors", "-o", "x.png"), "expected a generator network (dcgan), found vae"),
    (("-m", GREY), "missing -o OUTPUT"),
    (("-m", GREY, "-o", ""), "--output: empty value"),
    (("-m", GREY, "-o", "x.webp"), "x.webp: unknown extension"),
    (("-m", GREY, "-o", "x"), "end a folder's name with /"),
    (("-m", GREY, "-o", "x.png", "photo.jpg"), "photo.jpg: generate takes no input"),
    (("-m", GREY, "-o", "-", "--json"), "--json and -o - would both write to standard output"),
    (("-m", GREY, "-o", "x.png", "-n", "0"), "--count 0: expected a whole number from 1"),
    (("-m", GREY, "-o", "x.png", "--seed", "-1"), "--seed -1: expected a whole number from 0"),
    (("-m", GREY, "-o", "x.png", "--walk", "1,2"), "--walk 1,2: expected A,B,N"),
    (("-m", GREY, "-o", "x.png", "--walk", "1,2,1"), "--walk 1,2,1: expected A,B,N"),
    (("-m", GREY, "-o", "x.png", "--walk", "1,-2,4"), "--walk 1,-2,4: expected A,B,N"),
    (("-m", GREY, "-o", "x.png", "--walk", "1,2,4,"), "--walk 1,2,4,: expected A,B,N"),
    (("-m", GREY, "-o", "x.png", "--walk", "1,2,4", "-n", "4"), "--walk excludes -n and --seed"),
    (("-m", GREY, "-o", "x.png", "--walk", "1,2,4", "--seed", "4"), "--walk excludes -n and --seed"),
    (("-m", GREY, "-o", "x.png", "--latent", "z.npy", "-n", "4"), "--latent excludes -n and --seed"),
    (("-m", GREY, "-o", "x.png", "--latent", "z.npy", "--walk", "1,2,4"), "--latent and --walk exclude each other"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE, ids=[message for _, message in USAGE])
def test_usage(arguments: tuple[Arguments, ...], message: str, tmp_path: Path) -> None:
    assert message in fails(2, "generate", *arguments, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_channels_are_refused(tmp_path: Path) -> None:
    weights = changed(tmp_path, 2, 0.1)
    assert "makes pictures of 2 channels, 1 (grey) or 3 (RGB) expected" in fails(
        3, "generate", "-m", weights, "-o", tmp_path / "x.png"
    )


@pytest.mark.parametrize("kernel", [(4, 40), (40, 4)])
def test_other_than_squares_are_refused(kernel: tuple[int, int], tmp_path: Path) -> None:
    weights = changed(tmp_path, 3, 0.1, kernel)
    sides = f"{kernel[1] + 12} x {kernel[0] + 12}"
    assert f"makes pictures of {sides} pixels, square ones expected" in fails(
        3, "generate", "-m", weights, "-o", tmp_path / "x.png"
    )


def test_weights_are_looked_up(tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").write_bytes(GREY.read_bytes())
    succeeds("generate", "-m", "mine", "-o", tmp_path / "a.png", env={"LIMN_WEIGHTS": str(tmp_path)})
    assert "no weights called mine" in fails(3, "generate", "-m", "mine", "-o", tmp_path / "b.png")
