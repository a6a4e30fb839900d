"""Rows of test_kinds.py: several pictures, from files, folders and standard input; where their results go."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from cli_support import ROOT, WEIGHTS, fails, limn, pixels, png, ppm, succeeds, warns
from kinds import kind

Image = pytest.importorskip("PIL.Image")
UPSCALE = ("upscale", "-m", WEIGHTS)
COLORIZE = ("colorize", "-m", ROOT / "tests/goldens/eccv16.safetensors")
MISSING = "refused: missing -o OUTPUT"
FIRST_AS_PNG = "the first frame only, as PNG"


def put(folder: Path, *names: str) -> list[np.ndarray]:
    """A picture of noise under each of the names, by Pillow; the pictures as they are read again."""
    pictures = []
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(6, 7, seed=seed)).save(folder / name)
        pictures.append(np.asarray(Image.open(folder / name).convert("RGB")))
    return pictures


def large(picture: np.ndarray) -> np.ndarray:
    """What limn makes of the picture alone, as a PNG."""
    return opened(succeeds(*UPSCALE, "-", "-o", "-", input=png(picture)))


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


# -o


@kind("No -o", "one JPEG", before=MISSING)
def one_without_output(folder: Path) -> str:
    (picture,) = put(folder, "photo.jpg")
    succeeds(*UPSCALE, "photo.jpg", cwd=folder)
    assert (opened((folder / "photo-upscaled.png").read_bytes()).shape[:2]) == (24, 28) and picture.shape[:2] == (6, 7)
    return "photo-upscaled.png"


@kind("No -o", "three files in two folders", before=MISSING)
def three_without_output(folder: Path) -> str:
    wants = [large(picture) for picture in put(folder, "a.bmp", "x/a.png", "x/b.1.ppm")]
    succeeds(*UPSCALE, "a.bmp", "x/a.png", "x/b.1.ppm", cwd=folder)
    made = ["a-upscaled.png", "x/a-upscaled.png", "x/b.1-upscaled.png"]
    assert all(np.array_equal(opened((folder / name).read_bytes()), want) for name, want in zip(made, wants, strict=True))
    return ", ".join(made)


@kind("No -o", "a.jpg and a.png, whose results would have one name", before=MISSING)
def one_name_for_two(folder: Path) -> str:
    put(folder, "a.jpg", "a.png")
    assert "would both be written to a-upscaled.png" in fails(2, *UPSCALE, "a.jpg", "a.png", cwd=folder)
    return "refused before any work"


@kind("No -o", "a picture and its result as inputs, with --force", before=MISSING)
def a_result_as_input(folder: Path) -> str:
    put(folder, "a.png", "a-upscaled.png")
    assert "is an input, and would be replaced" in fails(2, *UPSCALE, "a.png", "a-upscaled.png", "-f", cwd=folder)
    return "refused before any work"


@kind("-o and several pictures", "two files, -o x.png", before="a folder named x.png")
def two_into_a_file(folder: Path) -> str:
    put(folder, "a.png", "b.png")
    assert "several pictures need a folder" in fails(2, *UPSCALE, "a.png", "b.png", "-o", "x.png", cwd=folder)
    return "refused"


@kind("-o and several pictures", "a folder, -o x.jpg", before="a folder named x.jpg")
def a_folder_into_a_file(folder: Path) -> str:
    put(folder, "in/a.png")
    assert "several pictures need a folder" in fails(2, *UPSCALE, "in", "-o", "x.jpg", cwd=folder)
    return "refused"


@kind("-o and several pictures", "one file, -o new/", before="refused: new/: unknown extension")
def one_into_a_new_folder(folder: Path) -> str:
    put(folder, "a.png")
    succeeds(*UPSCALE, "a.png", "-o", "new/", cwd=folder)
    assert names_in(folder) == ["a.png", "new/a.png"]
    return "new/a.png"


@kind("-o and several pictures", "two files, -o x.png/", before="a folder named x.png")
def two_into_a_folder_with_an_ending(folder: Path) -> str:
    put(folder, "a.png", "b.png")
    succeeds(*UPSCALE, "a.png", "b.png", "-o", "x.png/", cwd=folder)
    assert names_in(folder / "x.png") == ["a.png", "b.png"]
    return "a folder named x.png"


@kind("--format", "-o x.png --format jpg", before="no such option")
def the_option_against_the_name(folder: Path) -> str:
    put(folder, "a.png")
    succeeds(*UPSCALE, "a.png", "-o", "x.png", "--format", "jpg", cwd=folder)
    assert Image.open(folder / "x.png").format == "JPEG"
    return "JPEG"


@kind("--format", "a folder of PNG and PPM, --format bmp", before="no such option")
def the_option_for_a_folder(folder: Path) -> str:
    put(folder, "in/a.png", "in/b.ppm")
    succeeds(*UPSCALE, "in", "-o", "out", "--format", "bmp", cwd=folder)
    assert [Image.open(folder / "out" / name).format for name in names_in(folder / "out")] == ["BMP", "BMP"]
    return ", ".join(names_in(folder / "out"))


@kind("--format", "standard output, --format pnm", before="no such option")
def the_option_for_standard_output(folder: Path) -> str:
    (picture,) = put(folder, "a.png")
    made = succeeds(*UPSCALE, folder / "a.png", "-o", "-", "--format", "pnm")
    assert made.startswith(b"P6\n") and np.array_equal(opened(made), large(picture))
    return "PPM"


def coloured(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"P5 24 20 255\n" + pixels(20, 24, 1).tobytes())
    succeeds(*COLORIZE, "-r", "in", "-o", "out", cwd=folder)
    made = names_in(folder / "out")
    pictures = [np.asarray(Image.open(folder / "out" / name)) for name in made]
    assert all(picture.ndim == 3 and (picture[..., 0] != picture[..., 2]).any() for picture in pictures)
    return ", ".join(made)


@kind("Colours for a .pgm", "a folder with a.pgm", before="a grey picture")
def a_grey_scan(folder: Path) -> str:
    return coloured(folder, "in/a.pgm")


@kind("Colours for a .pgm", "a folder with A.PGM", before="a grey picture")
def a_grey_scan_in_capitals(folder: Path) -> str:
    return coloured(folder, "in/A.PGM")


@kind("Colours for a .pgm", "a folder with folders of .pgm", before="grey pictures")
def grey_scans_in_folders(folder: Path) -> str:
    return coloured(folder, "in/a.pgm", "in/x/a.pgm")


# --skip-existing


@kind("--skip-existing", "a folder of which a half is done", before="no such option; without it the half fails")
def half_done(folder: Path) -> str:
    put(folder, "in/a.png", "in/b.png", "out/a.png")
    before = (folder / "out/a.png").stat()
    said = warns(*UPSCALE, "in", "-o", "out", "--skip-existing", cwd=folder)
    assert said == "limn: skipped 1 of 2 pictures: their output files already exist\n"
    assert (folder / "out/a.png").stat() == before and (folder / "out/b.png").exists()
    return "the other half is made, exit 0"


@kind("--skip-existing", "a stream of which the first frames are done", before="no such option")
def half_of_a_stream(folder: Path) -> str:
    frames = [pixels(6, 7, seed=seed) for seed in range(3)]
    put(folder, "out/0001.png", "out/0002.png")
    assert "skipped 2 of 3" in warns(
        *UPSCALE, "-", "-o", "out", "--skip-existing", cwd=folder, input=b"".join(map(ppm, frames))
    )
    assert np.array_equal(opened((folder / "out/0003.png").read_bytes()), large(frames[2]))
    return "0003.png is made, exit 0"


@kind("--skip-existing", "the folder of the inputs as -o", before="no such option")
def outputs_that_are_the_inputs(folder: Path) -> str:
    put(folder, "in/a.png")
    assert "input and output are the same file" in fails(2, *UPSCALE, "in", "-o", "in", "--skip-existing", cwd=folder)
    return "refused"


def leftovers(folder: Path, *names: str) -> list[str]:
    """What is in the output folder after a run, if such files were in it before."""
    put(folder, "in/a.png")
    (folder / "out").mkdir()
    for name in names:
        (folder / "out" / name).write_bytes(b"half")
    succeeds(*UPSCALE, "in", "-o", "out", cwd=folder)
    return [name for name in names_in(folder / "out") if name != "a.png"]


@kind("Leftovers of a killed run", ".limn-123-0.part", before="stays for ever")
def one_leftover(folder: Path) -> str:
    assert leftovers(folder, ".limn-123-0.part") == []
    return "removed"


@kind("Leftovers of a killed run", "many, and one with the number of a running process", before="stay for ever")
def many_leftovers(folder: Path) -> str:
    assert leftovers(folder, ".limn-1-0.part", *[f".limn-99999-{i}.part" for i in range(100)]) == []
    return "removed"


@kind("Leftovers of a killed run", "other files with similar names", before="stay")
def no_leftovers(folder: Path) -> str:
    names = [".limn-1-0.part~", ".limn-x-0.part", ".limn-1.part", ".part", "limn-1-0.part"]
    assert leftovers(folder, *names) == sorted(names)
    return "stay"


# Standard input


def stream(*frames: bytes) -> list[np.ndarray]:
    """The frames that come out, read by Pillow one by one."""
    made, pictures = succeeds(*UPSCALE, "-q", "-", "-o", "-", input=b"".join(frames)), []
    while made:
        picture = opened(made)
        pictures.append(picture)
        height, width, _ = picture.shape
        made = made[len(b"P6\n%d %d\n255\n" % (width, height)) + picture.size :]
    return pictures


def check_stream(*frames: bytes) -> str:
    """Pillow's view of each frame must be what is enlarged."""
    made = stream(*frames)
    wants = [large(opened(frame)) for frame in frames]
    assert len(made) == len(wants) and all(map(np.array_equal, made, wants))
    return f"{len(made)} frames, as PNM"


@kind("PNM streams", "three PPM of one size, as from ffmpeg", before=FIRST_AS_PNG)
def three_frames(folder: Path) -> str:
    return check_stream(*[ppm(pixels(6, 7, seed=seed)) for seed in range(3)])


@kind("PNM streams", "PBM, PGM and PPM of different sizes", before=FIRST_AS_PNG)
def three_kinds(folder: Path) -> str:
    return check_stream(b"P4 9 2\n\xa5\x80\x5a\x00", b"P5 3 2 255\nabcdef", ppm(pixels(6, 7)))


@kind("PNM streams", "16 bits, maxval 15, comments", before=FIRST_AS_PNG)
def odd_frames(folder: Path) -> str:
    wide = pixels(2, 3).astype(">u2") * 257
    return check_stream(b"P6 3 2 65535\n" + wide.tobytes(), b"P5 3 1 15\n\0\x07\x0f", b"P6\n# it\n1 1\n255\nabc")


@kind("PNM streams", "plain P1, P2 and P3, then a raw one", before=FIRST_AS_PNG)
def plain_frames(folder: Path) -> str:
    return check_stream(b"P1 3 1\n1 0 1\n", b"P2 2 1 255\n7 9\n", b"P3 1 1 255\n1 2 3\n", ppm(pixels(2, 2)))


@kind("PNM streams", "a single PPM", before="PNG")
def a_single_frame(folder: Path) -> str:
    return check_stream(ppm(pixels(6, 7)))


@kind("PNM streams", "three PPM, -o out/", before="refused: out/: unknown extension")
def frames_into_a_folder(folder: Path) -> str:
    succeeds(*UPSCALE, "-", "-o", "out/", cwd=folder, input=b"".join(ppm(pixels(6, 7, seed=seed)) for seed in range(3)))
    for i in range(3):
        assert np.array_equal(opened((folder / f"out/000{i + 1}.png").read_bytes()), large(pixels(6, 7, seed=i)))
    return ", ".join(names_in(folder / "out"))


def later_frame(bad: bytes, says: str) -> str:
    frame = ppm(pixels(6, 7))
    done = limn(*UPSCALE, "-", "-o", "-", input=frame * 2 + bad)
    want = large(pixels(6, 7))
    assert done.returncode == 4 and f"standard input, frame 3: {says}" in done.stderr.decode(), done.stderr
    assert done.stdout == (b"P6\n28 24\n255\n" + want.tobytes()) * 2
    return "the two before it are complete, exit 4, frame 3 is named"


@kind("A later frame that fails", "the last one is cut", before=FIRST_AS_PNG)
def a_cut_frame(folder: Path) -> str:
    return later_frame(ppm(pixels(6, 7))[:-5], "PNM data ends early")


@kind("A later frame that fails", "something else follows", before=FIRST_AS_PNG)
def no_frame(folder: Path) -> str:
    return later_frame(b"junk", "a PNM picture expected")


@kind("A later frame that fails", "a frame too large", before=FIRST_AS_PNG)
def a_huge_frame(folder: Path) -> str:
    return later_frame(b"P6 99999 99999 255\n", "a picture of 99999 x 99999 pixels")


@kind("Several pictures where one is expected", "PNG after PNG on standard input", before="the first is enlarged")
def a_stream_of_png(folder: Path) -> str:
    line = fails(4, *UPSCALE, "-", "-o", "-", input=png(pixels(6, 7)) * 3)
    assert "holds more than one PNG picture; several pictures must be PNM" in line
    return "refused"


@kind("Several pictures where one is expected", "JPEG after JPEG, as from ffmpeg", before="the first is enlarged")
def a_stream_of_jpeg(folder: Path) -> str:
    put(folder, "a.jpg")
    line = fails(4, *UPSCALE, "-", "-o", "-", input=(folder / "a.jpg").read_bytes() * 5)
    assert "holds more than one JPEG picture; several pictures must be PNM" in line
    return "refused"


def second_refused(folder: Path, *command: str | Path) -> str:
    (folder / "one.ppm").write_bytes(ppm(pixels(6, 7)))
    (folder / "two.ppm").write_bytes(ppm(pixels(6, 7)) * 2)
    assert "two.ppm: holds more than one picture, one expected" in fails(4, *command, cwd=folder)
    return "refused: holds more than one picture"


@kind("Several pictures where one is expected", "compare two.ppm one.ppm", before="the first is compared")
def comparing_frames(folder: Path) -> str:
    return second_refused(folder, "compare", "two.ppm", "one.ppm")


@kind("Several pictures where one is expected", "pixels to-text two.ppm", before="the first is written")
def text_of_frames(folder: Path) -> str:
    return second_refused(folder, "pixels", "to-text", "two.ppm")


@kind("Several pictures where one is expected", "upscale two.ppm, a file", before="the first is enlarged")
def a_file_of_frames(folder: Path) -> str:
    return second_refused(folder, *UPSCALE, "two.ppm", "-o", "x.png")


@kind("Several pictures where one is expected", "frames on standard input, -o x.png", before="the first is enlarged")
def frames_into_a_file(folder: Path) -> str:
    frame = ppm(pixels(6, 7))
    line = fails(4, *UPSCALE, "-", "-o", "x.png", cwd=folder, input=frame * 2)
    assert "standard input: holds more than one picture, but x.png can hold one only" in line
    assert np.array_equal(opened((folder / "x.png").read_bytes()), large(pixels(6, 7)))
    return "the second is refused"


@kind("Several pictures where one is expected", "a picture and bytes that are none", before="read")
def a_trailer(folder: Path) -> str:
    (folder / "a.ppm").write_bytes(ppm(pixels(6, 7)) + b"\0 trailer")
    succeeds(*UPSCALE, "a.ppm", "-o", "x.png", cwd=folder)
    return "read, as Pillow does"
