"""What the tests of the program share: running it, small pictures in and out, and EnhanceNet in float64."""

from __future__ import annotations

import functools
import io
import os
import resource
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMN = os.environ.get("LIMN", str(ROOT / "build/limn"))
WEIGHTS = ROOT / "tests/goldens/enhancenet.safetensors"  # small: 5 channels, 1 residual block
sys.path.insert(0, str(ROOT / "tools"))

from checkpoint import safetensors  # noqa: E402  (found only through the line above)

Arguments = str | bytes | os.PathLike[str]


def limn(
    *arguments: Arguments, cwd: Path | None = None, env: Mapping[str, str] | None = None, **options
) -> subprocess.CompletedProcess[bytes]:
    """Runs the program; the weights that the caller's environment names play no part."""
    environment = {name: text for name, text in os.environ.items() if name != "LIMN_WEIGHTS"} | dict(env or {})
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 300} | options
    return subprocess.run([LIMN, *arguments], cwd=cwd, env=environment, check=False, **options)


def succeeds(*arguments: Arguments, **options) -> bytes:
    """stdout of a run that must end with 0 and say nothing on stderr."""
    done = limn(*arguments, **options)
    assert (done.returncode, done.stderr) == (0, b""), f"{arguments}: {done.returncode} {done.stderr!r}"
    return done.stdout


def fails(code: int, *arguments: Arguments, **options) -> str:
    """The one line of a run that must end with `code`."""
    done = limn(*arguments, **options)
    message = done.stderr.decode(errors="replace")
    assert done.returncode == code, f"{arguments}: {done.returncode}, expected {code}: {message}"
    assert message.startswith("limn: ") and message.endswith("\n") and message.count("\n") == 1, (arguments, message)
    return message


def warns(*arguments: Arguments, **options) -> str:
    """The one line of a run that must end with 0 and yet say something."""
    return fails(0, *arguments, **options)


@functools.cache
def has_openblas() -> bool:
    """Whether the program was built with OpenBLAS."""
    return b" no OpenBLAS," not in succeeds("--version")


def need_openblas() -> None:
    """Skips the test if the program was built without OpenBLAS."""
    if not has_openblas():
        pytest.skip("limn was built without OpenBLAS")


def made(*arguments: Arguments, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """`make` with these arguments alone: those of a make that runs the tests play no part."""
    env = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=600)


def make(*arguments: Arguments) -> str:
    """The output of a `make` that must succeed."""
    done = made(*arguments)
    assert done.returncode == 0, f"make {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def copied_build(build: Path, folder: Path) -> str:
    """Copies the objects of a build folder, so that make can change settings there. Returns BUILD= for make."""
    for name in ("apps", "engine", "layers", "weights"):
        shutil.copytree(build / name, folder / name)
    return f"BUILD={os.path.relpath(folder, ROOT)}"


def one_process() -> Callable[[], None]:
    """What a child calls to become a process that can start no thread. Skips the test where that is impossible."""
    user = 1_000_000 + os.getpid() if os.geteuid() == 0 else None  # root has no limit, and this user no other process

    def confine() -> None:
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        if user:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)

    probe = ["/bin/sh", "-c", "(exit 0); exit 0"]  # a process counts like a thread
    try:
        started = subprocess.run(probe, preexec_fn=confine, cwd="/", capture_output=True, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"a process cannot be confined: {error}")
    if started:
        pytest.skip("RLIMIT_NPROC has no effect here")
    return confine


def upscaled(tmp_path: Path, picture: bytes, *options: Arguments, name: str = "in.picture") -> np.ndarray:
    """The pixels that `limn upscale` makes of a picture file with these bytes."""
    source, output = tmp_path / name, tmp_path / "upscaled.png"
    source.write_bytes(picture)
    succeeds("upscale", "-m", WEIGHTS, source, "-o", output, "--force", *options)
    return read_png(output.read_bytes())


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


# Pictures: H x W x channels of bytes


def pixels(height: int, width: int, channels: int = 3, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def ppm(picture: np.ndarray) -> bytes:
    return b"P6 %d %d 255\n" % (picture.shape[1], picture.shape[0]) + picture.tobytes()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(picture: np.ndarray, *chunks: bytes) -> bytes:
    """A PNG of 8 or 16 bits with 1 to 4 channels; `chunks` go before the pixels."""
    height, width, channels = picture.shape
    depth, colour = 8 * picture.itemsize, {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in picture)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = b"".join(chunks) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + data


def read_png(data: bytes) -> np.ndarray:
    """Pixels of an 8-bit RGB or RGBA PNG; every chunk's checksum must be right."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, body, kinds = 8, b"", []
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert data[at : at + 12 + size] == png_chunk(kind, content), kind
        kinds.append(kind)
        if kind == b"IHDR":
            width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", content)
        body += content if kind == b"IDAT" else b""
        at += 12 + size
    assert kinds[0] == b"IHDR" and kinds[-1] == b"IEND" and depth == 8, (kinds, depth)
    channels = {2: 3, 6: 4}[colour]
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + width * channels)
    picture = np.zeros((height, width * channels), np.uint8)
    above = np.zeros(width * channels, np.uint8)
    for row, out in zip(rows, picture, strict=True):
        above = out[:] = _unfilter(int(row[0]), row[1:], above, channels)
    return picture.reshape(height, width, channels)


def _unfilter(kind: int, row: np.ndarray, above: np.ndarray, step: int) -> np.ndarray:
    """One row of a PNG from its filtered form (PNG specification, section 9)."""
    if kind in (0, 2):
        return row + above if kind else row
    out = [0] * step + [int(byte) for byte in row]
    up = [0] * step + [int(byte) for byte in above]
    for i in range(step, len(out)):
        a, b, c = out[i - step], up[i], up[i - step]
        distances = [abs(b - c), abs(a - c), abs(a + b - 2 * c)]
        paeth = (a, b, c)[distances.index(min(distances))]
        out[i] = (out[i] + {1: a, 3: (a + b) // 2, 4: paeth}[kind]) % 256
    return np.array(out[step:], np.uint8)


# EnhanceNet in float64, N x C x H x W; written from the paper's description and TensorFlow's bicubic

MEAN = np.array([0.47614917, 0.45001204, 0.40904046])[:, None, None]


def read_weights(path: Path) -> dict[str, np.ndarray]:
    tensors = safetensors.read(path.read_bytes()).tensors
    return {name: tensor.read().astype(np.float64) for name, tensor in tensors.items()}


def _conv(x: np.ndarray, weights: dict[str, np.ndarray], number: int) -> np.ndarray:
    name = "generator/Conv" + (f"_{number}" if number else "")
    kernel, bias = weights[f"{name}/weights"], weights[f"{name}/biases"]
    height, width = x.shape[2:]
    around = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    y = np.zeros((x.shape[0], kernel.shape[3], height, width)) + bias[:, None, None]
    for i in range(3):
        for j in range(3):
            y += np.moveaxis(np.tensordot(kernel[i, j], around[:, :, i : i + height, j : j + width], (0, 1)), 0, 1)
    return y


def _bicubic_matrix(size: int, factor: int = 4, a: float = -0.75) -> np.ndarray:
    """Keys' kernel at source = destination / factor (no half-pixel centres), edges clamped."""
    matrix = np.zeros((size * factor, size))
    for row in range(size * factor):
        whole, fraction = divmod(row / factor, 1)
        for tap in range(-1, 3):
            t = abs(tap - fraction)
            near, far = ((a + 2) * t - (a + 3)) * t * t + 1, ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
            matrix[row, min(max(int(whole) + tap, 0), size - 1)] += near if t <= 1 else far
    return matrix


def enhancenet(weights: dict[str, np.ndarray], rgb: np.ndarray) -> np.ndarray:
    numbers = iter(range(len(weights) // 2))
    centred = rgb.astype(np.float64) - MEAN
    x = np.maximum(_conv(centred, weights, next(numbers)), 0)
    for _ in range((len(weights) // 2 - 5) // 2):
        x = x + _conv(np.maximum(_conv(x, weights, next(numbers)), 0), weights, next(numbers))
    for _ in range(2):
        x = np.maximum(_conv(x.repeat(2, axis=2).repeat(2, axis=3), weights, next(numbers)), 0)
    x = _conv(np.maximum(_conv(x, weights, next(numbers)), 0), weights, next(numbers))
    assert next(numbers, None) is None
    high, wide = (_bicubic_matrix(size) for size in rgb.shape[2:])
    return x + high @ centred @ wide.T + MEAN
