"""`limn upscale` from outside: pictures in and out, folders, pipes, tiles, limits, interruption."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from cli_support import (
    LIMN,
    WEIGHTS,
    enhancenet,
    fails,
    limn,
    pixels,
    png,
    png_chunk,
    ppm,
    read_png,
    read_weights,
    succeeds,
    upscaled,
)

UPSCALE = ("upscale", "-m", WEIGHTS)
SIGNATURES = {
    "png": b"\x89PNG", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff", "bmp": b"BM", "ppm": b"P6\n", "pnm": b"P6\n",
    "pgm": b"P5\n", "PNG": b"\x89PNG",
}  # fmt: skip


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob(".limn-*"))


# What comes out


def test_the_pixels_are_those_of_the_network(tmp_path: Path) -> None:
    picture = pixels(11, 14)
    network = enhancenet(read_weights(WEIGHTS), picture.transpose(2, 0, 1)[None] / 255)[0].transpose(1, 2, 0) * 255
    got = upscaled(tmp_path, ppm(picture))
    assert got.shape == (44, 56, 3)
    # Rounded to nearest, where float32 (some 1e-5 of 255) may fall on the other side of a half.
    off = np.abs(got - np.clip(network, 0, 255)).max()
    assert off <= 0.5 + 0.005, f"a pixel is {off} from the network's"


@pytest.mark.parametrize("side", [(1, 1), (1, 7), (9, 1)])
def test_tiny_pictures(side: tuple[int, int], tmp_path: Path) -> None:
    assert upscaled(tmp_path, ppm(pixels(*side))).shape == (4 * side[0], 4 * side[1], 3)


@pytest.mark.parametrize(("extension", "signature"), SIGNATURES.items())
def test_the_extension_decides_the_format(extension: str, signature: bytes, tmp_path: Path) -> None:
    output = tmp_path / f"out.{extension}"
    (tmp_path / "in").write_bytes(ppm(pixels(5, 6)))
    succeeds(*UPSCALE, tmp_path / "in", "-o", output, "--quality", "80")
    assert output.read_bytes().startswith(signature)
    succeeds(*UPSCALE, output, "-o", tmp_path / "again.png")  # and what was written can be read
    assert read_png((tmp_path / "again.png").read_bytes()).shape == (80, 96, 3)


def test_pipes_both_ways(tmp_path: Path) -> None:
    picture = pixels(8, 9)
    want = upscaled(tmp_path, ppm(picture))
    for source in (["-"], ["-i", "-"]):
        assert (read_png(succeeds(*UPSCALE, *source, "-o", "-", input=png(picture))) == want).all()
        assert succeeds(*UPSCALE, *source, "-o", "-", input=ppm(picture)) == b"P6\n36 32\n255\n" + want.tobytes()
    (tmp_path / "in.ppm").write_bytes(ppm(picture))
    assert succeeds(*UPSCALE, tmp_path / "in.ppm", "-o", "-") == (tmp_path / "upscaled.png").read_bytes()


def test_tiles_and_threads_change_no_byte(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    source.write_bytes(png(pixels(61, 83, 4)))
    want = succeeds(*UPSCALE, source, "-o", "-", "--tile", "0", "-t", "1")
    for options in ([], ["-t", "2"], ["--tile", "8"], ["--tile", "10"], ["--tile", "33", "-t", "2"], ["--tile", "500"]):
        assert succeeds(*UPSCALE, source, "-o", "-", *options) == want, options


# What goes in


def test_grey_and_16_bits_are_accepted(tmp_path: Path) -> None:
    grey, colour = pixels(6, 7, 1), pixels(6, 7)
    from_grey = upscaled(tmp_path, ppm(grey.repeat(3, axis=2)))
    from_colour = upscaled(tmp_path, ppm(colour))
    assert (upscaled(tmp_path, png(grey)) == from_grey).all()
    assert (upscaled(tmp_path, png(colour)) == from_colour).all()
    assert (upscaled(tmp_path, png(grey.astype(np.uint16) * 257), "--quiet") == from_grey).all()
    assert (upscaled(tmp_path, png(colour.astype(np.uint16) * 257), "--quiet") == from_colour).all()


@pytest.mark.parametrize("alpha", [255, 128, 0])
def test_even_alpha_is_kept(alpha: int, tmp_path: Path) -> None:
    picture = pixels(9, 8, 4)
    picture[..., 3] = alpha
    got = upscaled(tmp_path, png(picture))
    assert got.shape == (36, 32, 4) and (got[..., 3] == alpha).all()
    assert (got[..., :3] == upscaled(tmp_path, ppm(np.ascontiguousarray(picture[..., :3])))).all()


def test_alpha_follows_the_picture(tmp_path: Path) -> None:
    picture = pixels(12, 16, 4)
    picture[..., 3] = 0
    picture[:, 8:, 3] = 255
    alpha = upscaled(tmp_path, png(picture))[..., 3]
    assert (alpha[:, :24] == 0).all() and (alpha[:, 40:] == 255).all()  # the step may ring within two input pixels
    assert (np.diff(alpha[0, 24:40].astype(int)) >= -8).all() and 100 < alpha[0, 31] / 2 + alpha[0, 32] / 2 < 155


def exif(orientation: int) -> bytes:
    """A TIFF directory with nothing but the orientation (EXIF 2.32, 4.6.4)."""
    return b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHHI", 0x112, 3, 1, orientation, 0, 0)


def upright(picture: np.ndarray, orientation: int) -> np.ndarray:
    turned = picture.transpose(1, 0, 2) if orientation >= 5 else picture
    flips = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}
    down, right = flips[orientation]
    return np.ascontiguousarray(turned[::down, ::right])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_honoured(orientation: int, tmp_path: Path) -> None:
    picture = pixels(6, 9)
    source = png(picture, png_chunk(b"eXIf", exif(orientation)))
    assert (upscaled(tmp_path, source) == upscaled(tmp_path, ppm(upright(picture, orientation)))).all()
    assert (upscaled(tmp_path, source, "--no-orient") == upscaled(tmp_path, ppm(picture))).all()


def test_orientation_of_a_jpeg(tmp_path: Path) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(pixels(5, 8)))
    succeeds(*UPSCALE, tmp_path / "in.ppm", "-o", tmp_path / "in.jpg")
    plain = (tmp_path / "in.jpg").read_bytes()
    segment = b"Exif\0\0" + exif(6)
    turned = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
    assert upscaled(tmp_path, turned).shape == (128, 80, 3)
    assert (upscaled(tmp_path, turned, "--no-orient") == upscaled(tmp_path, plain)).all()


GOOD_PNG = png(pixels(20, 20))
REFUSED = [
    (b"", "empty"),
    (b"not a picture at all", "is text, not a picture"),
    (GOOD_PNG[: len(GOOD_PNG) // 2], "PNG data ends early"),
    (GOOD_PNG[:-21], "damaged"),
    (GOOD_PNG[:60] + b"x" + GOOD_PNG[61:], "damaged"),
    (ppm(pixels(20, 20))[:-1], "damaged"),
    (b"GIF89a" + bytes(40), "not a picture limn reads (GIF); convert it to PNG"),
    (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(40), "not a picture limn reads (WebP); convert it to PNG"),
    (b"P6 100000 1 255\n", "100000"),
    (b"P6 16384 16384 255\n", "268435456"),
]


@pytest.mark.parametrize(("data", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_pictures_that_cannot_be_read(data: bytes, message: str, tmp_path: Path) -> None:
    source, output = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(data)
    line = fails(4, *UPSCALE, source, "-o", output)
    assert message in line and str(source) in line
    assert "standard input: " in fails(4, *UPSCALE, "-", "-o", output, input=data)
    assert not output.exists() and not unfinished(tmp_path)


def test_a_picture_that_is_not_there(tmp_path: Path) -> None:
    assert "none.png: No such file" in fails(4, *UPSCALE, "none.png", "-o", "out.png", cwd=tmp_path)
    assert not list(tmp_path.iterdir())


# Where it goes


def test_what_stands_is_kept_unless_forced(tmp_path: Path) -> None:
    source, output = tmp_path / "in.ppm", tmp_path / "out.png"
    source.write_bytes(ppm(pixels(3, 3)))
    output.write_text("precious")
    assert "out.png: already exists (use --force to replace it)" in fails(5, *UPSCALE, source, "-o", output)
    assert output.read_text() == "precious"
    succeeds(*UPSCALE, source, "-o", output, "-f")
    assert read_png(output.read_bytes()).shape == (12, 12, 3)
    succeeds(*UPSCALE, output, "-o", output, "--force")  # onto itself
    assert read_png(output.read_bytes()).shape == (48, 48, 3)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.ppm", "out.png"]


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    source = tmp_path / "in.ppm"
    source.write_bytes(ppm(pixels(3, 3)))
    (tmp_path / "full.png").symlink_to("/dev/full")
    assert "No such file" in fails(5, *UPSCALE, source, "-o", tmp_path / "no/out.png")
    assert "File name too long" in fails(5, *UPSCALE, source, "-o", tmp_path / f"{'n' * 252}.png")
    assert "full.png: write failed: No space left" in fails(5, *UPSCALE, source, "-o", tmp_path / "full.png")
    with open("/dev/full", "wb") as full:
        assert "standard output: write failed" in fails(5, *UPSCALE, source, "-o", "-", stdout=full)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["full.png", "in.ppm"]


@pytest.mark.parametrize(
    "name",
    ["two words.png", "übergröße 日本.png", "-dash.png", b"\xff\xfe.png", "'quoted\".png", "new\nline.png", "n" * 247 + ".png"],
    ids=range(7),
)
def test_unusual_names(name: str | bytes, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    name = os.fsencode(name)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(ppm(pixels(3, 3)))
    succeeds(*UPSCALE, "-o", b"out " + name, "--", name, cwd=tmp_path)
    assert sorted(os.listdir(folder)) == sorted([name, b"out " + name])


# Several pictures


def test_a_folder_with_a_bad_picture(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "folder.png").mkdir()
    for name, data in {
        "a_10.png": png(pixels(4, 4)), "a_2.ppm": ppm(pixels(2, 3)), "b.gif": b"GIF89a" + bytes(20),
        "notes.txt": b"text", ".hidden.png": b"",
    }.items():  # fmt: skip
        (source / name).write_bytes(data)
    done = limn(*UPSCALE, source, "-o", output)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert len(lines) == 2 and f"{source}/b.gif: not a picture limn reads (GIF)" in lines[0], lines
    assert lines[1] == "limn: 1 of 3 pictures failed"
    assert sorted(file.name for file in output.iterdir()) == ["a_10.png", "a_2.ppm"]
    assert read_png((output / "a_10.png").read_bytes()).shape == (16, 16, 3)

    again = limn(*UPSCALE, source, "-o", output)  # now the others exist
    assert again.returncode == 1 and b"3 of 3 pictures failed" in again.stderr
    (source / "b.gif").unlink()
    succeeds(*UPSCALE, source, "-o", output, "--force")


def test_several_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("x.ppm", "y.ppm", "in/z.ppm"):
        (tmp_path / name).write_bytes(ppm(pixels(2, 2)))
    succeeds(*UPSCALE, "-i", "x.ppm", "y.ppm", "in", "-o", "out", cwd=tmp_path)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["x.ppm", "y.ppm", "z.ppm"]
    assert "No such file" in fails(5, *UPSCALE, "x.ppm", "y.ppm", "-o", "no/out", cwd=tmp_path)
    line = fails(2, *UPSCALE, "x.ppm", "y.ppm", "-o", "x.ppm", cwd=tmp_path)
    assert "x.ppm: several pictures need a folder (x.ppm/ for a folder of this name)" in line


def test_two_inputs_with_one_output_name(tmp_path: Path) -> None:
    for name in ("a/x.ppm", "b/x.ppm", "c/x.gif", "c/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(ppm(pixels(2, 2)))
    for inputs, names in ((["a/x.ppm", "b"], ("a/x.ppm", "b/x.ppm")), (["c"], ("c/x.gif", "c/x.png"))):
        line = fails(2, *UPSCALE, *inputs, "-o", "out", cwd=tmp_path)
        assert "would both be written to out/x." in line and all(name in line for name in names)
    assert not (tmp_path / "out").exists()


def test_folders_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert "no pictures in this folder" in fails(4, *UPSCALE, tmp_path / "in", "-o", tmp_path / "out")
    line = fails(2, *UPSCALE, tmp_path / "in", tmp_path / "in", "-o", "-", cwd=tmp_path)
    assert "standard output" in line
    assert [file.name for file in tmp_path.iterdir()] == ["in"]


# Limits and interruption


def test_the_memory_limit_holds(tmp_path: Path) -> None:
    source, output = tmp_path / "in.ppm", tmp_path / "out.ppm"
    source.write_bytes(ppm(pixels(300, 400)))
    line = fails(6, *UPSCALE, source, "-o", output, "--memory-limit", "20M", "--tile", "0")
    assert "in.ppm: out of memory" in line and "the limit is 21.0 MB; less is needed with bands of rows (use --tile N" in line
    assert not output.exists() and not unfinished(tmp_path)
    succeeds(*UPSCALE, source, "-o", output, "--memory-limit", "20M")  # the tile size follows the limit
    assert output.stat().st_size == len(b"P6\n1600 1200\n255\n") + 3 * 1600 * 1200


def test_a_picture_too_large_for_the_memory_does_not_stop_the_others(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name, side in {"1.ppm": 8, "2.ppm": 400, "3.ppm": 9}.items():
        (source / name).write_bytes(ppm(pixels(side, side)))
    done = limn(*UPSCALE, source, "-o", output, "--memory-limit", "12M", "--tile", "0")
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 1 and len(lines) == 2, lines
    assert "out of memory" in lines[0] and lines[1] == "limn: 1 of 3 pictures failed"
    assert sorted(file.name for file in output.iterdir()) == ["1.ppm", "3.ppm"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    source, output = tmp_path / "in.ppm", tmp_path / "out.png"
    source.write_bytes(ppm(pixels(1000, 1000)))
    output.write_text("precious")
    long = [LIMN, *UPSCALE, source, "-o", output, "--force", "--kernels", "reference", "-t", "1", "--tile", "64"]
    with subprocess.Popen(long, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while not unfinished(tmp_path):
            assert process.poll() is None and time.monotonic() < until, "no temporary file was seen"
            time.sleep(0.01)
        time.sleep(0.1)
        process.send_signal(number)
        assert process.wait(60) == -number  # a shell says 130, 143
        assert process.stderr is not None and process.stderr.read() == b""
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.ppm", "out.png"]
    assert output.read_text() == "precious"


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = limn(*UPSCALE, "-", "-o", "-", input=ppm(pixels(4, 4)), stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")
