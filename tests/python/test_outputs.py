"""Where results go: names made from those of the inputs, folders, formats, and what is refused before any work."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from cli_support import ROOT, WEIGHTS, fails, limn, pixels, png, ppm, read_png, succeeds

UPSCALE = ("upscale", "-m", WEIGHTS)
MAKERS = {
    "-upscaled": UPSCALE,
    "-colorized": ("colorize", "-m", ROOT / "tests/goldens/eccv16.safetensors"),
    "-segmented": ("segment", "-m", ROOT / "tests/goldens/unet-bilinear.safetensors", "--scale", "4"),
}
NO_WEIGHTS = ("upscale", "-m", "none.safetensors")  # fails with 3 once the weights are wanted


def put(folder: Path, *names: str) -> None:
    """The same small picture under each of the names, in the format of its extension, PPM for others."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(pixels(4, 5)) if name.endswith(".png") else ppm(pixels(4, 5)))


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


# Without -o


@pytest.mark.parametrize("suffix", MAKERS)
def test_a_result_beside_its_picture(suffix: str, tmp_path: Path) -> None:
    names = {
        "a.png": f"a{suffix}.png", "b.ppm": f"b{suffix}.png", "x/c.d.jpg": f"x/c.d{suffix}.png",
        "x.y/e": f"x.y/e{suffix}.png", "F.PNG": f"F{suffix}.png", ".hidden": f".hidden{suffix}.png",
    }  # fmt: skip
    put(tmp_path, *names)
    succeeds(*MAKERS[suffix], *names, cwd=tmp_path)
    assert files_in(tmp_path) == sorted([*names, *names.values()])
    made = (tmp_path / names["a.png"]).read_bytes()
    assert made == succeeds(*MAKERS[suffix], tmp_path / "a.png", "-o", "-") and read_png(made).size


def test_the_format_gives_the_extension(tmp_path: Path) -> None:
    put(tmp_path, "a.ppm")
    starts = {"png": b"\x89PNG", "jpg": b"\xff\xd8\xff", "bmp": b"BM", "pnm": b"P6\n"}
    for word in starts:
        succeeds(*UPSCALE, "a.ppm", "--format", word, cwd=tmp_path)
    names = {"png": "a-upscaled.png", "jpg": "a-upscaled.jpg", "bmp": "a-upscaled.bmp", "pnm": "a-upscaled.ppm"}
    assert files_in(tmp_path) == sorted(["a.ppm", *names.values()])
    assert all((tmp_path / names[word]).read_bytes().startswith(start) for word, start in starts.items())


def test_what_has_no_place_of_its_own(tmp_path: Path) -> None:
    put(tmp_path, "in/a.png")
    assert "missing -o FOLDER for the pictures in in" in fails(2, *NO_WEIGHTS, "in", cwd=tmp_path)
    assert "missing -o FOLDER for the pictures in in" in fails(2, *NO_WEIGHTS, "in/a.png", "in", cwd=tmp_path)
    assert "missing -o OUTPUT: standard input" in fails(2, *NO_WEIGHTS, "-", cwd=tmp_path)
    assert "missing -o OUTPUT" in fails(2, "generate", "-m", WEIGHTS, cwd=tmp_path)
    assert files_in(tmp_path) == ["in/a.png"]


# Refused before any work: the weights, which do not exist, are not asked for

REFUSED = [
    (["a.ppm", "a.png"], "a.ppm and a.png would both be written to a-upscaled.png"),
    (["a.ppm", "./a.png"], "a.ppm and ./a.png would both be written to a-upscaled.png"),
    (["x/a.ppm", "link/a.png"], "x/a.ppm and link/a.png would both be written to x/a-upscaled.png"),
    (["a.ppm", "a.ppm"], "a.ppm and a.ppm would both be written to a-upscaled.png"),
    (["x/a.ppm", "a.ppm", "-o", "out"], "x/a.ppm and a.ppm would both be written to out/a.ppm"),
    (["a.ppm", "a-upscaled.png", "-f"], "a-upscaled.png is an input, and would be replaced by the output of a.ppm"),
    (["a-upscaled.png", "x/../a.ppm", "-f"], "x/../a-upscaled.png is an input, and would be replaced by the output of"),
    (["a.ppm", "-o", ".", "--skip-existing"], "./a.ppm: input and output are the same file"),
    (["x", "-o", "link", "--skip-existing"], "link/a.png: input and output are the same file"),
    (["a.ppm", "x/a.ppm", "-o", "z.png"], "z.png: several pictures need a folder (z.png/ for a folder of this name)"),
    (["x", "-o", "z.JPG"], "z.JPG: several pictures need a folder"),
    (["x", "-o", "a.ppm", "-f"], "a.ppm: several pictures need a folder"),
    (["x", "-o", "z.pnm", "--format", "png"], "z.pnm: several pictures need a folder"),
    (["a.ppm", "-o", "z"], "z: unknown extension (use .png, .jpg, .bmp, .ppm, .pgm or .pnm, or end a folder's"),
    (["a.ppm", "-o", "z.tiff"], "z.tiff: unknown extension"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_refused_at_once(arguments: list[str], message: str, tmp_path: Path) -> None:
    put(tmp_path, "a.ppm", "a.png", "a-upscaled.png", "x/a.ppm", "x/a.png")
    (tmp_path / "link").symlink_to("x")
    before = files_in(tmp_path)
    assert message in fails(2, *NO_WEIGHTS, *arguments, cwd=tmp_path)
    assert files_in(tmp_path) == before


def test_an_only_output_that_exists(tmp_path: Path) -> None:
    put(tmp_path, "a.ppm", "a-upscaled.png", "out/a.ppm")
    for arguments, name in ([], "a-upscaled.png"), (["-o", "out"], "out/a.ppm"), (["-o", "a.ppm"], "a.ppm"):
        line = fails(5, *NO_WEIGHTS, "a.ppm", *arguments, cwd=tmp_path)
        assert line == f"limn: {name}: already exists (use --force to replace it)\n"
    line = fails(5, *NO_WEIGHTS, "-", "-o", "a.ppm", cwd=tmp_path, input=b"")
    assert line == "limn: a.ppm: already exists (use --force to replace it)\n"
    assert "no weights" in fails(3, "upscale", "-m", "none", "a.ppm", "-f", cwd=tmp_path)


def test_some_outputs_that_exist(tmp_path: Path) -> None:
    put(tmp_path, "a.ppm", "b.ppm", "b-upscaled.png")
    done = limn(*UPSCALE, "a.ppm", "b.ppm", cwd=tmp_path)
    assert done.returncode == 1 and b"b-upscaled.png: already exists" in done.stderr
    assert b"1 of 2 pictures failed" in done.stderr and (tmp_path / "a-upscaled.png").exists()


# Folders


def test_a_folder_for_a_single_picture(tmp_path: Path) -> None:
    put(tmp_path, "a.ppm", "b")
    (tmp_path / "old.png").mkdir()
    succeeds(*UPSCALE, "a.ppm", "-o", "new/", cwd=tmp_path)
    succeeds(*UPSCALE, "b", "-o", "new//", cwd=tmp_path)
    succeeds(*UPSCALE, "a.ppm", "-o", "old.png", cwd=tmp_path)
    succeeds(*UPSCALE, "a.ppm", "-o", "new.jpg/", cwd=tmp_path)
    assert files_in(tmp_path) == ["a.ppm", "b", "new.jpg/a.ppm", "new/a.ppm", "new/b.png", "old.png/a.ppm"]
    assert "no/new: cannot create folder" in fails(5, *UPSCALE, "a.ppm", "-o", "no/new/", cwd=tmp_path)
    assert "a.ppm: cannot create folder" in fails(5, *UPSCALE, "b", "-o", "a.ppm/", cwd=tmp_path)


def test_no_folder_without_weights(tmp_path: Path) -> None:
    put(tmp_path, "in/a.ppm")
    fails(3, *NO_WEIGHTS, "in", "-o", "out", cwd=tmp_path)
    assert not (tmp_path / "out").exists()


def test_names_in_a_folder_follow_the_format(tmp_path: Path) -> None:
    put(tmp_path, "in/a.ppm", "in/b.pgm", "in/c.png", "in/x/d.pnm")
    wants = {
        "png": ["a.png", "b.png", "c.png", "x/d.png"],
        "jpg": ["a.jpg", "b.jpg", "c.jpg", "x/d.jpg"],
        "pnm": ["a.ppm", "b.ppm", "c.ppm", "x/d.pnm"],
        "": ["a.ppm", "b.pgm", "c.png", "x/d.pnm"],
    }
    for word, want in wants.items():
        options = ["--format", word] if word else []
        succeeds(*UPSCALE, "-r", "in", "-o", f"out{word}", *options, cwd=tmp_path)
        assert files_in(tmp_path / f"out{word}") == want
    shutil.rmtree(tmp_path / "in/x")
    (tmp_path / "in/c.png").rename(tmp_path / "in/a.png")
    assert "would both be written to out/a.jpg" in fails(2, *UPSCALE, "in", "-o", "out", "--format", "jpg", cwd=tmp_path)


def test_colours_are_not_written_as_grey(tmp_path: Path) -> None:
    put(tmp_path, "in/a.pgm", "in/b.ppm")
    succeeds(*MAKERS["-colorized"], "in", "-o", "out", cwd=tmp_path)
    assert files_in(tmp_path / "out") == ["a.png", "b.ppm"]
    picture = read_png((tmp_path / "out/a.png").read_bytes())
    assert (picture[..., 0] != picture[..., 1]).any()


def test_the_format_wins_over_the_name(tmp_path: Path) -> None:
    put(tmp_path, "a.ppm")
    succeeds(*UPSCALE, "a.ppm", "-o", "b.png", "--format", "jpg", cwd=tmp_path)
    succeeds(*UPSCALE, "a.ppm", "-o", "b", "--format", "png", cwd=tmp_path)
    succeeds(*UPSCALE, "a.ppm", "-o", "b.pgm", "--format", "pnm", cwd=tmp_path)
    starts = {"b.png": b"\xff\xd8\xff", "b": b"\x89PNG", "b.pgm": b"P5\n"}
    assert all((tmp_path / name).read_bytes().startswith(start) for name, start in starts.items())


def test_the_format_of_other_commands(tmp_path: Path) -> None:
    dcgan = ["generate", "-m", ROOT / "tests/goldens/dcgan-3-stages.safetensors", "-n", "2"]
    put(tmp_path, "a.ppm")
    succeeds(*dcgan, "-o", "g/", "--format", "jpg", cwd=tmp_path)
    succeeds("pixels", "split", "a.ppm", "--grid", "2x1", "-o", "s", "--format", "bmp", cwd=tmp_path)
    assert files_in(tmp_path / "g") == ["0000.jpg", "0001.jpg"] and files_in(tmp_path / "s") == ["a_1.bmp", "a_2.bmp"]
    assert (tmp_path / "g/0000.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    assert (tmp_path / "s/a_1.bmp").read_bytes().startswith(b"BM")
    assert succeeds(*dcgan, "-o", "-", "--format", "pnm").startswith(b"P6\n")
    assert succeeds("pixels", "mean", tmp_path / "a.ppm", "-o", "-", "--format", "bmp").startswith(b"BM")


@pytest.mark.parametrize(
    "name", [b"two words.png", b"\xff\xfe.png", b"-dash.png", b"new\nline.ppm", b"a" * 244 + b".png"], ids=range(5)
)
def test_unusual_names_beside_the_input(name: bytes, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(ppm(pixels(3, 3)))
    if len(name) > 240:  # no room for the suffix
        assert "File name too long" in fails(5, *UPSCALE, "--", name, cwd=tmp_path)
        return
    succeeds(*UPSCALE, "--", name, cwd=tmp_path)
    assert sorted(os.listdir(folder)) == sorted([name, name.rsplit(b".", 1)[0] + b"-upscaled.png"])
