"""Hostile inputs and faults: the command, its exit code and its message, in one table.

    python3 tests/python/test_hostile.py        prints it as Markdown

limn must end by itself, without a crash, print at most one line, which names the fault, and leave no file in the
folder of its outputs. Each kind of file also has tests of its own, with more cases.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from checkpoint_files import read_safetensors, safetensors, safetensors_of, torch_zip
from cli_support import LIMN, ROOT, WEIGHTS, limn, need_openblas, npy, pixels, png, png_chunk, ppm, read_png, succeeds

GOLDENS = ROOT / "tests/goldens"
Done = subprocess.CompletedProcess[bytes]
Command = list[str | os.PathLike[str]]


class Row(NamedTuple):
    area: str
    what: str  # was done
    command: Command  # in a folder with the files below; its outputs go to out/
    code: int
    says: str  # on stderr, after "limn: "; ... matches anything; "" if there is no message
    files: dict[str, bytes] = {}  # besides x.png and x.npy, which are good
    how: Callable[[Row, Path], Done] | None = None  # it is run, unless simply
    left: tuple[str, ...] = ()  # in out/


# Ways to run


def started(row: Row, folder: Path, **options) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([LIMN, *row.command], cwd=folder, **(pipes | options))


def ended(process: subprocess.Popen[bytes], data: bytes | None = None) -> Done:
    stdout, stderr = process.communicate(data, timeout=120)
    return Done(process.args, process.returncode, stdout, stderr)


def reading_stdin(process: subprocess.Popen[bytes]) -> None:
    """Waits until it has opened all it needs before, and waits for standard input."""
    until, call = time.monotonic() + 60, ""
    while not call.startswith("0 0x0 "):  # read(0), on x86-64
        assert process.poll() is None and time.monotonic() < until, "does not read standard input"
        time.sleep(0.01)
        try:
            call = Path(f"/proc/{process.pid}/syscall").read_text() if os.uname().machine == "x86_64" else "unknown"
        except PermissionError:
            call = "unknown"
        if call == "unknown":
            time.sleep(2)
            return


def meanwhile(change: Callable[[Path], object], data: bytes) -> Callable[[Row, Path], Done]:
    """What happens while the program waits for standard input, and what comes there then."""

    def run(row: Row, folder: Path) -> Done:
        with started(row, folder) as process:
            reading_stdin(process)
            change(folder)
            return ended(process, data)

    return run


def limited(*limits: tuple[int, int]) -> Callable[[Row, Path], Done]:
    def run(row: Row, folder: Path) -> Done:
        def limit() -> None:
            for what, most in limits:
                resource.setrlimit(what, (most, most))

        return limn(*row.command, cwd=folder, preexec_fn=limit)

    return run


def with_openblas(how: Callable[[Row, Path], Done]) -> Callable[[Row, Path], Done]:
    def run(row: Row, folder: Path) -> Done:
        need_openblas()
        return how(row, folder)

    return run


def fed(*parts: bytes) -> Callable[[Row, Path], Done]:
    """Standard input in pieces, with pauses."""

    def run(row: Row, folder: Path) -> Done:
        with started(row, folder) as process:
            assert process.stdin is not None
            for part in parts:
                process.stdin.write(part)
                process.stdin.flush()
                time.sleep(0.05)
            return ended(process)

    return run


def twice(row: Row, folder: Path) -> Done:
    """Two at once; the one that fails, if one does. What they made is one picture."""
    with started(row, folder) as first, started(row, folder) as second:
        both = sorted((ended(first), ended(second)), key=lambda done: done.returncode)
    assert both[0].returncode == 0 and both[0].stderr == b""
    assert read_png((folder / "out/y.png").read_bytes()).shape == (320, 320, 3)
    return both[1]


def into(path: str) -> Callable[[Row, Path], Done]:
    def run(row: Row, folder: Path) -> Done:
        with open(path, "wb") as file:
            return limn(*row.command, cwd=folder, stdout=file)

    return run


def signalled(*numbers: signal.Signals) -> Callable[[Row, Path], Done]:
    """Signals while it writes."""

    def run(row: Row, folder: Path) -> Done:
        with started(row, folder) as process:
            while not list(folder.glob("out/.limn-*")):
                assert process.poll() is None, "it ended too early"
                time.sleep(0.005)
            for number in numbers:
                process.send_signal(number)
            return ended(process)

    return run


def on_a_disk_of(size: str) -> Callable[[Row, Path], Done]:
    """With out/ on a file system of its own, for those who may mount one."""

    def run(row: Row, folder: Path) -> Done:
        mounted = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder / "out")]
        if subprocess.run(mounted, capture_output=True, check=False).returncode:
            pytest.skip("mounting a file system is not allowed here")
        try:
            done = limn(*row.command, cwd=folder)
            assert not os.listdir(folder / "out")
        finally:
            subprocess.run(["umount", str(folder / "out")], check=True)
        return done

    return run


def after(make: Callable[[Path], object]) -> Callable[[Row, Path], Done]:
    """In a folder where something that is no file of bytes was made."""

    def run(row: Row, folder: Path) -> Done:
        make(folder)
        return limn(*row.command, cwd=folder, stdin=subprocess.DEVNULL)

    return run


# Files


GOOD = WEIGHTS.read_bytes()
TENSORS, METADATA, _ = read_safetensors(GOOD)
PICTURE = png(pixels(12, 10))
TENSOR = npy(np.random.default_rng(3).random((1, 3, 6, 5), np.float32))


def changed(name: str, element: int, value: float, of: Path = WEIGHTS) -> bytes:
    """Weights with one value replaced."""
    tensors, metadata, _ = read_safetensors(of.read_bytes())
    tensors[name] = tensors[name].copy()
    tensors[name].flat[element] = value
    return safetensors(tensors, metadata)


def header(text: bytes, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + data


def one(**entry: object) -> bytes:
    """A file of one tensor of four floats, but for what is said."""
    return safetensors_of({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} | entry}, bytes(16))


def ihdr(width: int, height: int, depth: int = 8, colour: int = 2, rest: bytes = b"\0\0\0") -> bytes:
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", size + bytes([depth, colour]) + rest)


def array_header(shape: str, descr: str = "<f4") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text


RUN: Command = ["run", "-m", "w.safetensors", "x.npy", "-o", "out/y.npy"]
VERIFY: Command = ["verify", "w.safetensors"]
UPSCALE: Command = ["upscale", "-m", WEIGHTS, "x.png", "-o", "out/y.png"]
POISONED: Command = ["upscale", "-m", "w.safetensors", "x.png", "-o", "out/y.png"]
COLORIZE: Command = [
    "colorize",
    "-m",
    GOLDENS / "siggraph17.safetensors",
    "x.png",
    "-o",
    "out/y.png",
    "--hints",
    "h.txt",
]
GENERATE: Command = ["generate", "-m", GOLDENS / "dcgan-3-stages.safetensors", "-o", "out/y.png"]
FROM_TEXT: Command = ["pixels", "from-text", "t.txt", "-o", "out/y.png"]
MEAN: Command = ["pixels", "mean", "t.csv", "-o", "out/y.png"]
TENSOR_IN: Command = ["run", "-m", WEIGHTS, "x.npy", "-o", "out/y.npy"]
STDIN: Command = ["run", "-m", "w.safetensors", "-", "-o", "out/y.npy"]
LONG: Command = [*UPSCALE, "--kernels", "reference", "-t", "2", "--tile", "8"]
LARGE = {"x.png": png(pixels(80, 80))}


NAN = changed("generator/Conv_6/weights", 7, np.nan)
OTHER = {"generator/Conv_1/weights": np.zeros((3, 3, 4, 5), "<f4")}
FEWER = {name: values for name, values in TENSORS.items() if name != "generator/Conv_4/weights"}
HUGE = {name: np.full_like(TENSORS[name], 1e38) for name in ("generator/Conv_5/biases", "generator/Conv_6/weights")}
BMP = b"BM" + struct.pack("<IIIIiiHH", 999, 0, 900, 40, 9, 9, 1, 24) + bytes(24)  # its pixels from byte 900 on
TABLE_HEAD = b",Row,Column,pixel[1],pixel_mean\n"
TWICE = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'


def weights(data: bytes) -> dict[str, bytes]:
    return {"w.safetensors": data}


# The table

# fmt: off
TABLE = [
    Row("weights", "a file that is not there", RUN, 3, "w.safetensors: No such file or directory"),
    Row("weights", "an empty file", RUN, 3, "w.safetensors: 0 bytes, too short for a safetensors file", weights(b"")),
    Row("weights", "a header of 2^63 bytes", RUN, 3,
        "w.safetensors: not a safetensors file: header size 9223372036854775808, 2 to 100000000 expected",
        weights(b"\0" * 7 + b"\x80" + bytes(100))),
    Row("weights", "a header longer than the file", RUN, 3,
        "w.safetensors: not a safetensors file: header of 1048576 bytes in a file of 10 bytes",
        weights((1 << 20).to_bytes(8, "little") + b"{}")),
    Row("weights", "a header that is no JSON", RUN, 3,
        "w.safetensors: not a valid safetensors file: header byte 13: a malformed number",
        weights(header(b'{"a": [1, 2, }'))),
    Row("weights", "a header nested a million deep", RUN, 3,
        "w.safetensors: not a valid safetensors file: header byte 69: nested too deep",
        weights(header(b'{"a":' + b"[" * 1_000_000))),
    Row("weights", "a tensor named twice", RUN, 3,
        "w.safetensors: not a valid safetensors file: tensor a occurs twice", weights(header(TWICE, bytes(8)))),
    Row("weights", "a shape whose product is 2^64", RUN, 3,
        "w.safetensors: not a valid safetensors file: tensor a: its shape overflows",
        weights(one(shape=[1 << 32, 1 << 32]))),
    Row("weights", "offsets beyond the end", RUN, 3,
        "w.safetensors: not a valid safetensors file: tensor a: ends at byte 102, beyond the file's 86 (truncated?)",
        weights(one(data_offsets=[0, 32], shape=[8]))),
    Row("weights", "offsets that run backwards", RUN, 3,
        "w.safetensors: not a valid safetensors file: tensor a: ends at 0, before its start 16",
        weights(one(data_offsets=[16, 0]))),
    Row("weights", "a type that there is not", RUN, 3,
        "w.safetensors: not a valid safetensors file: tensor a: unknown dtype F7", weights(one(dtype="F7"))),
    Row("weights", "one byte too many", RUN, 3,
        "w.safetensors: not a valid safetensors file: 1 bytes after the last tensor", weights(GOOD + b"\0")),
    Row("weights", "the last byte missing", RUN, 3,
        "w.safetensors: not a valid safetensors file: tensor generator/Conv_6/weights: ends at byte ..., beyond the file's ... (truncated?)",
        weights(GOOD[:-1])),
    Row("weights", "a PyTorch checkpoint", RUN, 3,
        "w.safetensors: is a PyTorch checkpoint (zip), not safetensors; convert it with: limn-convert ...",
        weights(torch_zip({"a": np.zeros(3, "<f4")}))),
    Row("weights", "a picture", RUN, 3,
        "w.safetensors: is a picture (PNG), not safetensors",
        weights(PICTURE)),
    Row("weights", "a tensor missing", RUN, 3,
        "w.safetensors: 4 convolutions; 5 and two for each residual block expected",
        weights(safetensors(FEWER, METADATA))),
    Row("weights", "a tensor of another shape", RUN, 3,
        "w.safetensors: tensor generator/Conv_1/weights is 3x3x4x5: 4 input channels, 5 expected",
        weights(safetensors(TENSORS | OTHER, METADATA))),
    Row("weights", "another network's name", RUN, 3,
        "w.safetensors: tensor inc.double_conv.0.weight: input channels are missing",
        weights(safetensors(TENSORS, {"limn.model": "unet"}))),
    Row("weights", "a folder", RUN, 3,
        "w.safetensors: is a folder, not a regular file",
        how=after(lambda folder: (folder / "w.safetensors").mkdir())),
    Row("weights", "a pipe that nobody writes to", RUN, 3,
        "w.safetensors: is a pipe or device, not a regular file",
        how=after(lambda folder: os.mkfifo(folder / "w.safetensors"))),
    Row("weights", "a link to itself", RUN, 3,
        "w.safetensors: Too many levels of symbolic links",
        how=after(lambda folder: (folder / "w.safetensors").symlink_to("w.safetensors"))),
    Row("weights", "cut while limn waits for its input", STDIN, 3,
        "w.safetensors: changed while it was being read",
        weights(GOOD), meanwhile(lambda folder: os.truncate(folder / "w.safetensors", 100), TENSOR)),
    Row("weights", "written over while limn waits", STDIN, 3,
        "w.safetensors: changed while it was being read",
        weights(GOOD), meanwhile(lambda folder: (folder / "w.safetensors").write_bytes(GOOD), TENSOR)),
    Row("numbers", "verify of NaN", VERIFY, 3,
        "w.safetensors: tensor generator/Conv_3/weights holds 1 value that is NaN or infinite, at [0,0,1,2]",
        weights(changed("generator/Conv_3/weights", 7, np.nan))),
    Row("numbers", "upscale with NaN in the weights", POISONED, 3,
        "x.png, rows 0 to 7 of the result: 320 of 960 values that the network made are NaN or infinite; w.safetensors: tensor generator/Conv_6/weights holds 1 value that is ...",
        weights(NAN)),
    Row("numbers", "the same in bands", [*POISONED, "--tile", "4"], 3,
        "x.png, rows 0 to 7 of the result: 320 of 960 values that the network made are NaN or infinite; w.safetensors: tensor generator/Conv_6/weights holds 1 value that is ...",
        weights(NAN)),
    Row("numbers", "upscale with finite weights of 1e38", POISONED, 4,
        "x.png, rows 0 to 7 of the result: 960 of 960 values that the network made are NaN or infinite; w.safetensors itself holds none",
        weights(safetensors(TENSORS | HUGE, METADATA))),
    Row("numbers", "colorize with infinity in the weights", ["colorize", "-m", "w.safetensors", "x.png", "-o", "out/y.png"], 3,
        "x.png: 131072 of 131072 values that the network made are NaN or infinite; w.safetensors: tensor model1.0.weight ...",
        weights(changed("model1.0.weight", 0, np.inf, GOLDENS / "eccv16.safetensors"))),
    Row("numbers", "segment with NaN in the weights", ["segment", "-m", "w.safetensors", "x.png", "-o", "out/y.png", "--scale", "2"], 3,
        "x.png: 480 of 480 values that the network made are NaN or infinite; w.safetensors: tensor inc.double_conv.0.weight ...",
        weights(changed("inc.double_conv.0.weight", 0, np.nan, GOLDENS / "unet-bilinear.safetensors"))),
    Row("numbers", "the bare network with NaN in the weights", RUN, 0,
        "out/y.npy: 480 of 1440 values are NaN or infinite; w.safetensors: tensor generator/Conv_6/biases ...",
        weights(changed("generator/Conv_6/biases", 2, np.nan)), left=("y.npy",)),
    Row("numbers", "the bare network on NaN", [*TENSOR_IN, "--quiet"], 0,
        "out/y.npy: 48 of 48 values are NaN or infinite",
        {"x.npy": npy(np.full((1, 3, 1, 1), np.nan, "<f4"))}, left=("y.npy",)),
    Row("numbers", "generate from a latent vector with NaN", [*GENERATE, "--latent", "z.npy"], 4,
        "z.npy: value 0 of vector 0 is not finite", {"z.npy": npy(np.full((2, 7), np.nan, "<f4"))}),
    Row("picture", "a file that is not there", ["upscale", "-m", WEIGHTS, "none.png", "-o", "out/y.png"], 4,
        "none.png: No such file or directory"),
    Row("picture", "an empty file", UPSCALE, 4,
        "x.png: the file is empty, a PNG, JPEG, BMP or PNM picture expected", {"x.png": b""}),
    Row("picture", "text", UPSCALE, 4,
        "x.png: is text, not a picture",
        {"x.png": b"not a picture at all\n" * 9}),
    Row("picture", "a PNG of 0 x 5", UPSCALE, 4,
        "x.png: a picture of 0 x 5 pixels, at least 1 x 1 expected", {"x.png": ihdr(0, 5)}),
    Row("picture", "a PNG of 2^31 x 2^31", UPSCALE, 4,
        "x.png: a picture of 2147483648 x 2147483648 pixels, at most 16384 a side expected",
        {"x.png": ihdr(1 << 31, 1 << 31)}),
    Row("picture", "a PNG of 16000 x 5000 that holds a row", UPSCALE, 4,
        "x.png: PNG data ends early (440 bytes), the file is damaged",
        {"x.png": ihdr(16000, 5000) + PICTURE[33:]}),
    Row("picture", "a PNG whose checksum is wrong", UPSCALE, 4,
        "x.png: PNG chunk at byte 33 fails its checksum, the file is damaged",
        {"x.png": PICTURE[:60] + b"x" + PICTURE[61:]}),
    Row("picture", "a PNG without its second half", UPSCALE, 4,
        "x.png: PNG data ends early (220 bytes), the file is damaged", {"x.png": PICTURE[: len(PICTURE) // 2]}),
    Row("picture", "half a PNG, slowly, through a pipe", ["upscale", "-m", WEIGHTS, "-", "-o", "out/y.png"], 4,
        "standard input: PNG data ends early (99 bytes), the file is damaged", how=fed(PICTURE[:20], PICTURE[20:99])),
    Row("picture", "a JPEG of nothing but its start", UPSCALE, 4,
        "x.png: JPEG data ends early (4 bytes), the file is damaged", {"x.png": b"\xff\xd8\xff\xe0"}),
    Row("picture", "a BMP whose pixels lie after its end", UPSCALE, 4,
        "x.png: BMP data ends early (54 bytes), the file is damaged", {"x.png": BMP}),
    Row("picture", "a PNM of 10^20 columns", UPSCALE, 4,
        "x.png: PNM width at byte 3 is 10000000000 or more, at most 2147483647 expected",
        {"x.png": b"P6 100000000000000000000 1 255\n"}),
    Row("picture", "a PNM without its last byte", UPSCALE, 4,
        "x.png: PNM data ends early (253 bytes), the file is damaged", {"x.png": ppm(pixels(9, 9))[:-1]}),
    Row("picture", "a WebP", UPSCALE, 4,
        "x.png: not a picture limn reads (WebP); convert it to PNG, JPEG, BMP or PNM",
        {"x.png": b"RIFF\x24\0\0\0WEBPVP8 " + bytes(40)}),
    Row("picture", "a folder without pictures", ["upscale", "-m", WEIGHTS, "empty", "-o", "out"], 4,
        "empty: no pictures in this folder", how=after(lambda folder: (folder / "empty").mkdir())),
    Row("text", "a letter among grey levels", FROM_TEXT, 4,
        "t.txt: line 2, column 3: 'x': a whole number from 0 to 255 expected", {"t.txt": b"1 2\n3 x\n"}),
    Row("text", "a level of 256", FROM_TEXT, 4,
        "t.txt: line 2, column 3: '256': a whole number from 0 to 255 expected", {"t.txt": b"1 2\n3 256\n"}),
    Row("text", "rows of different lengths", FROM_TEXT, 4,
        "t.txt: line 2, column 2: the row ends after 1 values, 2 expected", {"t.txt": b"1 2\n3\n"}),
    Row("text", "zero bytes", FROM_TEXT, 4,
        "t.txt: line 2, column 1: '': a whole number from 0 to 255 expected", {"t.txt": b"1 2\n\0\0\n"}),
    Row("text", "nothing", FROM_TEXT, 4, "t.txt: contains no values", {"t.txt": b""}),
    Row("table", "a mean that is not the mean", MEAN, 4,
        "t.csv: line 2, column 9: pixel_mean is 200.0, the mean of the pixels is 5",
        {"t.csv": TABLE_HEAD + b"0,1,1,5,200.0\n"}),
    Row("table", "cut in the middle of a line", MEAN, 4,
        "t.csv: line 3, column 5: a Column expected", {"t.csv": TABLE_HEAD + b"0,1,1,5,5.0\n1,1,"}),
    Row("table", "a place named twice", MEAN, 4,
        "t.csv: line 3, column 5: Column 1, 2 expected", {"t.csv": TABLE_HEAD + b"0,1,1,5,5.0\n1,1,1,6,6.0\n"}),
    Row("hints", "a colour of five digits", COLORIZE, 4,
        "h.txt: line 1, column 5: '#12345': a colour as #rrggbb expected", {"h.txt": b"1 1 #12345\n"}),
    Row("hints", "a place outside the picture", COLORIZE, 4,
        "h.txt: line 2: 99, 1 is outside the picture of 10 x 12 pixels", {"h.txt": b"1 1 #c83232\n99 1 #c83232\n"}),
    Row("hints", "JSON that ends early", COLORIZE, 4,
        "h.txt: line 1: a string was expected", {"h.txt": b'[{"x": 1, "y": 2, '}),
    Row("hints", "a device without end", [*COLORIZE[:-1], "/dev/zero"], 4,
        "/dev/zero: larger than 16777216 bytes, the most accepted here"),
    Row("hints", "a number of 1e999", COLORIZE, 4,
        "h.txt: line 1: a number beyond a double's range", {"h.txt": b'[{"x": 1, "y": 2, "a": 1e999, "b": 0}]'}),
    Row("tensor", "a header of 2^62 elements", TENSOR_IN, 4,
        "x.npy: one to four positive axes expected",
        {"x.npy": array_header("(1, 3, 2147483648, 2147483648)") + bytes(16)}),
    Row("tensor", "Python objects", TENSOR_IN, 4,
        "x.npy: elements are '|O', '<f4' (float32) expected",
        {"x.npy": array_header("(1, 3, 2, 2)", "|O") + b"cos\nsystem\n(S'true'\ntR."}),
    Row("tensor", "five axes", TENSOR_IN, 4,
        "x.npy: one to four positive axes expected", {"x.npy": array_header("(1, 1, 3, 2, 2)") + bytes(48)}),
    Row("tensor", "four channels for three", TENSOR_IN, 4,
        "x.npy: 4 channels of 5x5, enhancenet takes 3 of 5x5", {"x.npy": npy(np.zeros((1, 4, 5, 5), "<f4"))}),
    Row("tensor", "one float too few", TENSOR_IN, 4,
        "x.npy: 356 bytes of data; 1x3x6x5 need 360", {"x.npy": TENSOR[:-4]}),
    Row("command line", "an option that there is not", ["upscale", "--bogus"], 2,
        "unknown option: --bogus (see limn upscale --help)"),
    Row("command line", "0 threads", [*UPSCALE, "-t", "0"], 2, "--threads 0: expected a whole number from 1 to 1024"),
    Row("command line", "a size of 0", ["inspect", WEIGHTS, "--size", "0x5"], 2,
        "--size 0x5: expected HxW, such as 480x640, each from 1 to 16777216"),
    Row("command line", "a format that cannot be written", [*UPSCALE[:-1], "out/y.gif"], 2,
        "out/y.gif: unknown extension (use .png, .jpg, .bmp, .ppm, .pgm or .pnm, or end a folder's name with /)"),
    Row("command line", "an empty name", ["upscale", "-m", WEIGHTS, "", "-o", "out/y.png"], 4,
        "'': No such file or directory"),
    Row("command line", "a name with a newline and an escape", ["upscale", "-m", WEIGHTS, "a\n\x1b[31mb", "-o", "out/y.png"], 4,
        "a??[31mb: No such file or directory"),
    Row("command line", "a name that begins with a dash", ["upscale", "-m", WEIGHTS, "-o", "out/y.png", "--", "-x.png"], 4,
        "-x.png: No such file or directory"),
    Row("command line", "an input path of 5000 bytes", ["upscale", "-m", WEIGHTS, "x/" * 2500, "-o", "out/y.png"], 4,
        "x/x/x/...: File name too long"),
    Row("command line", "an output path of 5000 bytes", [*UPSCALE[:-1], "x/" * 2500 + "y.png"], 5,
        "x/x/x/...y.png: File name too long"),
    Row("command line", "a weights path of 5000 bytes", ["verify", "x/" * 2500], 3, "x/x/x/...: the path is too long"),
    Row("command line", "an output name of 256 bytes", [*UPSCALE[:-1], "out/" + "n" * 252 + ".png"], 5,
        "out/nnn....png: File name too long"),
    Row("memory", "a limit of 1 KB", [*UPSCALE, "--memory-limit", "1K"], 6,
        "out of memory: the list of inputs needs ..."),
    Row("memory", "a picture too large for a limit of 20 MB", [*UPSCALE, "--memory-limit", "20M", "--tile", "0"], 6,
        "x.png: out of memory: tests/goldens/... at this size takes ... MB in all, the limit is 21.0 MB; ...",
        {"x.png": png(np.zeros((900, 900, 3), np.uint8))}),
    Row("memory", "a run of 7 TB", ["bench", "model", "-m", WEIGHTS, "--size", "100000x100000", "--reps", "1"], 6,
        "out of memory: tests/goldens/enhancenet.safetensors at this size takes 66... MB in all, the limit is ..."),
    Row("memory", "an address space of 1 GB for 1000 threads", [*UPSCALE, "-t", "1000"], 6,
        "cannot start 1000 threads: Resource temporarily unavailable", how=limited((resource.RLIMIT_AS, 1 << 30))),
    Row("memory", "an address space of 100 MB", [*UPSCALE], 6,
        "out of memory: OpenBLAS needs 128 MB of address space (ulimit -v)",
        how=with_openblas(limited((resource.RLIMIT_AS, 100 << 20)))),
    Row("disk", "a full device", [*UPSCALE[:-1], "full.png"], 5,
        "full.png: write failed: No space left on device",
        how=after(lambda folder: (folder / "full.png").symlink_to("/dev/full"))),
    Row("disk", "standard output on a full device", [*UPSCALE[:-1], "-"], 5,
        "standard output: write failed: No space left on device", how=into("/dev/full")),
    Row("disk", "files of at most 1000 bytes", UPSCALE, 5,
        "out/y.png: write failed: File too large", how=limited((resource.RLIMIT_FSIZE, 1000))),
    Row("disk", "at most four open files", UPSCALE, 4,
        "x.png: Too many open files", how=limited((resource.RLIMIT_NOFILE, 4))),
    Row("disk", "a file system of 16 KB", [*UPSCALE[:-1], "out/y.ppm"], 5,
        "out/y.ppm: write failed: No space left on device", LARGE, on_a_disk_of("16k")),
    Row("disk", "an output in a folder that is not there", [*UPSCALE[:-1], "no/y.png"], 5,
        "no/y.png: cannot be written: No such file or directory"),
    Row("disk", "an output that is a folder", ["run", "-m", WEIGHTS, "x.npy", "-o", "out"], 5,
        "out: is a folder, not a file"),
    Row("disk", "an output in a folder of the kernel", [*UPSCALE[:-1], "/proc/y.png"], 5,
        "/proc/y.png: cannot be written: ..."),
    Row("disk", "an output that already exists", [*UPSCALE[:-1], "x.png"], 5,
        "x.png: already exists (use --force to replace it)"),
    Row("disk", "an output that appears meanwhile", STDIN, 5,
        "out/y.npy: already exists (use --force to replace it)",
        weights(GOOD), meanwhile(lambda folder: (folder / "out/y.npy").touch(), TENSOR), left=("y.npy",)),
    Row("disk", "the output's folder goes away", STDIN, 5,
        "out/y.npy: cannot be written: No such file or directory",
        weights(GOOD), meanwhile(lambda folder: (folder / "out").rmdir(), TENSOR)),
    Row("concurrency", "two write one output, without --force", UPSCALE, 5, "out/y.png: ...", LARGE, twice, ("y.png",)),
    Row("concurrency", "two write one output, with --force", [*UPSCALE, "--force"], 0, "", LARGE, twice, ("y.png",)),
    Row("concurrency", "half a tensor from one who goes away", ["run", "-m", WEIGHTS, "-", "-o", "out/y.npy"], 4,
        "standard input: 72 bytes of data; 1x3x6x5 need 360", how=fed(TENSOR[:200])),
    Row("signals", "SIGINT while it writes", LONG, -2, "", LARGE, signalled(signal.SIGINT)),
    Row("signals", "SIGTERM", LONG, -15, "", LARGE, signalled(signal.SIGTERM)),
    Row("signals", "SIGHUP", LONG, -1, "", LARGE, signalled(signal.SIGHUP)),
    Row("signals", "SIGINT twice", LONG, -2, "", LARGE, signalled(signal.SIGINT, signal.SIGINT)),
]
# fmt: on


def run_row(row: Row, folder: Path) -> Done:
    """Runs a row in a folder of its own, in which only what was there before may be left."""
    (folder / "out").mkdir()
    for name, data in ({"x.png": PICTURE, "x.npy": TENSOR} | row.files).items():
        (folder / name).write_bytes(data)
    return row.how(row, folder) if row.how else limn(*row.command, cwd=folder, stdin=subprocess.DEVNULL)


def message_of(done: Done) -> str:
    return done.stderr.decode(errors="replace").removeprefix("limn: ").rstrip("\n").replace(f"{ROOT}/", "")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.area}: {row.what}")
def test_row(row: Row, tmp_path: Path) -> None:
    done = run_row(row, tmp_path)
    said = done.stderr.decode(errors="replace")
    assert done.returncode == row.code, said
    if row.says:
        assert re.fullmatch("limn: .*\n", said), said
        assert re.fullmatch(re.escape(row.says).replace(r"\.\.\.", ".*"), message_of(done)), message_of(done)
    else:
        assert said == ""
    out = tmp_path / "out"
    assert sorted(os.listdir(out) if out.exists() else []) == sorted(row.left)
    assert not list(tmp_path.rglob(".limn-*"))


@pytest.mark.parametrize("forced", [False, True])
def test_two_at_a_time(forced: bool, tmp_path: Path) -> None:
    """Two runs with one output: without --force one fails, with it the last one wins; the file is the whole of one."""
    made = []
    for i in range(2):
        (tmp_path / f"{i}.ppm").write_bytes(ppm(pixels(5 + 20 * i, 9, seed=i)))
        made.append(succeeds("upscale", "-m", WEIGHTS, tmp_path / f"{i}.ppm", "-o", "-"))
    (tmp_path / "out").mkdir()
    for _ in range(12):
        command = ["upscale", "-m", WEIGHTS, "-o", "out/y.png", *["--force"] * forced]
        with contextlib.ExitStack() as stack:
            both = [
                stack.enter_context(
                    subprocess.Popen([LIMN, *command, f"{i}.ppm"], cwd=tmp_path, stderr=subprocess.PIPE)
                )
                for i in range(2)
            ]
            ends = [ended(process) for process in both]
        codes = [done.returncode for done in ends]
        assert os.listdir(tmp_path / "out") == ["y.png"]
        result = (tmp_path / "out/y.png").read_bytes()
        if forced:
            assert codes == [0, 0] and result in made
        else:
            assert sorted(codes) == [0, 5] and result == made[codes.index(0)]
            assert re.search(b"already exists|rename failed: File exists", ends[codes.index(5)].stderr)
        (tmp_path / "out/y.png").unlink()


def print_table() -> None:
    print("| | what was done | exit code | message |\n|---|---|--:|---|")
    for row in TABLE:
        with tempfile.TemporaryDirectory() as place:
            try:
                done = run_row(row, Path(place))
            except pytest.skip.Exception as skipped:
                print(f"| {row.area} | {row.what} | | ({skipped}) |")
                continue
        message = message_of(done)
        message = message if len(message) < 300 else f"{message[:100]} ... {message[-100:]}"
        print(f"| {row.area} | {row.what} | {done.returncode} | {message.replace('|', chr(92) + '|')} |", flush=True)


if __name__ == "__main__":
    print_table()
