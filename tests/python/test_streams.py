"""Pictures on standard input, one after the other: PNM as it comes from ffmpeg and netpbm, frame by frame."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, ROOT, WEIGHTS, fails, limn, pixels, png, ppm, read_png, succeeds

Image = pytest.importorskip("PIL.Image")

UPSCALE = ("upscale", "-m", WEIGHTS)
COLORIZE = ("colorize", "-m", ROOT / "tests/goldens/eccv16.safetensors")
SEGMENT = ("segment", "-m", ROOT / "tests/goldens/unet-bilinear.safetensors", "--scale", "4")
MAKERS = {"upscale": UPSCALE, "colorize": COLORIZE, "segment": SEGMENT}


def frames_of(stream: bytes) -> list[np.ndarray]:
    """The pictures of raw PPM with a maxval of 255, which is what limn writes."""
    frames, at = [], 0
    while at < len(stream):
        magic, size, most = (stream[at:].split(b"\n", 3))[:3]
        assert (magic, most) == (b"P6", b"255"), stream[at : at + 20]
        width, height = map(int, size.split())
        at += len(magic) + len(size) + len(most) + 3
        frames.append(np.frombuffer(stream, np.uint8, width * height * 3, at).reshape(height, width, 3))
        at += width * height * 3
    return frames


def alone(command: tuple, picture: np.ndarray, *options: str) -> np.ndarray:
    """What becomes of the picture as a single PNG."""
    return read_png(succeeds(*command, "-", "-o", "-", *options, input=png(picture)))


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


# Every frame, in order


def grey(levels: np.ndarray) -> np.ndarray:
    return levels.reshape(*levels.shape[:2], 1).repeat(3, axis=2)


BITS = np.unpackbits(pixels(5, 2, 1).reshape(5, 2), axis=1)[:, :11]
LEVELS, COLOURS = pixels(4, 7, 1, seed=2), pixels(6, 5, seed=3)
WIDE = np.random.default_rng(4).integers(0, 65536, (3, 4, 3))
KINDS = {  # a frame of each kind, and its pixels
    "P1": (b"P1\n11 5\n" + "\n".join("".join(map(str, row)) for row in BITS).encode() + b"\n", grey(255 - 255 * BITS)),
    "P2": (b"P2 7 4 255 " + " ".join(map(str, LEVELS.ravel())).encode() + b"\n", grey(LEVELS)),
    "P3": (b"P3\n5 6\n255\n" + "\n".join(map(str, COLOURS.ravel())).encode() + b"\n", COLOURS),
    "P4": (b"P4\n11 5\n" + np.packbits(BITS, axis=1).tobytes(), grey(255 - 255 * BITS)),
    "P5": (b"P5\n7 4\n255\n" + LEVELS.tobytes(), grey(LEVELS)),
    "P6": (b"P6\n5 6\n255\n" + COLOURS.tobytes(), COLOURS),
    "P6, 16 bits": (b"P6 4 3 65535\n" + WIDE.astype(">u2").tobytes(), (WIDE + 128) // 257),
    "P5, maxval 15": (b"P5 7 4 15 " + (LEVELS // 16).tobytes(), grey(LEVELS // 16 * 17)),
    "comments": (b"P6\n# made\n5 # wide\n6\n255\n" + COLOURS.tobytes(), COLOURS),
}


@pytest.mark.parametrize("first", KINDS)
def test_frames_of_every_kind(first: str) -> None:
    frames = [KINDS[first], *(frame for name, frame in KINDS.items() if name != first)]
    got = frames_of(succeeds(*UPSCALE, "-q", "-", "-o", "-", input=b"".join(data for data, _ in frames)))
    assert same(got, [alone(UPSCALE, want.astype(np.uint8)) for _, want in frames])


@pytest.mark.parametrize("name", MAKERS)
def test_every_command(name: str) -> None:
    frames = [pixels(24, 20, seed=seed) for seed in range(3)]
    got = frames_of(succeeds(*MAKERS[name], "-", "-o", "-", input=b"".join(map(ppm, frames))))
    assert same(got, [alone(MAKERS[name], frame) for frame in frames])


@pytest.mark.parametrize("between", [b"", b"\n", b" \r\n\t\n"])
def test_whitespace_between_frames(between: bytes) -> None:
    frames = [pixels(3, 4, seed=seed) for seed in range(3)]
    got = frames_of(succeeds(*UPSCALE, "-", "-o", "-", input=between.join(map(ppm, frames)) + between))
    assert same(got, [alone(UPSCALE, frame) for frame in frames])


def test_a_file_as_standard_input(tmp_path: Path) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(pixels(3, 4)) * 3)
    with open(tmp_path / "in.ppm", "rb") as stream:
        got = frames_of(succeeds(*UPSCALE, "-", "-o", "-", stdin=stream))
    assert same(got, [alone(UPSCALE, pixels(3, 4))] * 3)


def test_a_frame_is_done_before_the_next_one_comes() -> None:
    """A program that waits for each result before it sends the next frame must not wait for ever."""
    wants = [alone(UPSCALE, pixels(9, 8, seed=seed)) for seed in range(4)]
    with subprocess.Popen([LIMN, *UPSCALE, "-", "-o", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        timer = threading.Timer(60, process.kill)
        timer.start()
        assert process.stdin is not None and process.stdout is not None
        for seed, want in enumerate(wants):
            process.stdin.write(ppm(pixels(9, 8, seed=seed)))
            process.stdin.flush()
            expected = b"P6\n32 36\n255\n" + want.tobytes()
            assert process.stdout.read(len(expected)) == expected, seed
        process.stdin.close()
        assert process.wait(60) == 0
        timer.cancel()


def peak_memory(frame: bytes, count: int) -> int:
    """Peak resident bytes of a run over `count` frames."""
    with subprocess.Popen([LIMN, *UPSCALE, "-", "-o", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        for _ in range(count):
            process.stdin.write(frame)
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * 1024


def test_memory_does_not_grow_with_the_frames() -> None:
    frame = ppm(pixels(100, 100))
    few, many = peak_memory(frame, 3), peak_memory(frame, 120)
    assert many < few + 20 * len(frame), (few, many)  # 117 frames more; what malloc keeps varies by some pages


# A frame that fails

GOOD = ppm(pixels(4, 5))
BAD = {
    "cut": (GOOD[:-1], "frame 3: PNM data ends early"),
    "cut in the header": (b"P6\n4", "frame 3: PNM data ends early"),
    "another format": (png(pixels(4, 5)), "frame 3: a PNM picture expected after the one before"),
    "zeros": (bytes(100), "frame 3: a PNM picture expected after the one before"),
    "a sample above maxval": (b"P5 2 1 9 \x01\x0a", "frame 3: PNM sample in the row at byte 9 is 10, at most 9 expected"),
    "no size": (b"P6 0 4 255\n", "frame 3: a picture of 0 x 4 pixels, at least 1 x 1 expected"),
    "too large": (b"P6 16385 1 255\n", "frame 3: a picture of 16385 x 1 pixels"),
    "a bad number": (b"P6 4x 4 255\n" + GOOD, "frame 3: PNM height expected at byte 4, 'x' found"),
    "plain, cut": (b"P2 2 2 255 1 2 3", "frame 3: PNM data ends early"),
    "a header of comments": (b"P6 #" + b"x" * (1 << 21), "frame 3: PNM header of more than"),
}


@pytest.mark.parametrize("name", BAD)
def test_earlier_frames_are_complete(name: str) -> None:
    data, message = BAD[name]
    done = limn(*UPSCALE, "-", "-o", "-", input=GOOD * 2 + data)
    assert done.returncode == 4 and done.stderr.decode().startswith(f"limn: standard input, {message}"), done.stderr
    assert same(frames_of(done.stdout), [alone(UPSCALE, pixels(4, 5))] * 2)


def test_a_read_that_fails() -> None:
    """A terminal that is gone gives EIO."""
    master, end = os.openpty()
    os.close(master)
    assert "standard input: " in fails(4, *UPSCALE, "-", "-o", "-", stdin=end)
    os.close(end)
    assert "standard input: the file is empty" in fails(4, *UPSCALE, "-", "-o", "-", input=b"")


def test_an_output_that_fails(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        line = fails(5, *UPSCALE, "-", "-o", "-", input=GOOD * 3, stdout=full)
    assert line == "limn: standard output: write failed: No space left on device\n"
    (tmp_path / "0002.png").mkdir()
    assert "0002.png: is a folder" in fails(5, *UPSCALE, "-", "-o", tmp_path, input=GOOD * 3)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["0001.png", "0002.png"]


def test_a_reader_that_has_enough_of_it() -> None:
    with subprocess.Popen(
        [LIMN, *UPSCALE, "-", "-o", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(GOOD)
        process.stdin.flush()
        assert process.stdout.read(10)
        process.stdout.close()
        process.stdin.write(GOOD * 100)  # less than a pipe holds
        process.stdin.close()
        assert process.wait(60) == -signal.SIGPIPE and process.stderr.read() == b""


# Where the frames go


def test_frames_into_a_folder(tmp_path: Path) -> None:
    frames = [pixels(4, 5, seed=seed) for seed in range(3)]
    stream = b"".join(map(ppm, frames))
    report = json.loads(succeeds(*UPSCALE, "-", "-o", f"{tmp_path}/out/", "--json", input=stream))
    names = ["0001.png", "0002.png", "0003.png"]
    assert [(picture["output"], picture["frame"]) for picture in report["pictures"]] == [
        (f"{tmp_path}/out/{name}", number) for number, name in enumerate(names, 1)
    ]
    got = [read_png((tmp_path / "out" / name).read_bytes()) for name in names]
    assert same(got, [alone(UPSCALE, frame) for frame in frames])
    succeeds(*UPSCALE, "-", "-o", f"{tmp_path}/bmp/", "--format", "bmp", input=stream)
    assert sorted(path.name for path in (tmp_path / "bmp").iterdir()) == ["0001.bmp", "0002.bmp", "0003.bmp"]

    (tmp_path / "out/0002.png").unlink()
    done = limn(*UPSCALE, "-", "-o", tmp_path / "out", "--skip-existing", "--json", input=stream)
    again = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"limn: skipped 2 of 3 pictures: their output files already exist\n")
    assert [(picture["frame"], picture.get("skipped", False)) for picture in again["pictures"]] == [
        (1, True), (2, False), (3, True),
    ]  # fmt: skip
    assert again["skipped"] == 2 and np.array_equal(read_png((tmp_path / "out/0002.png").read_bytes()), got[1])


def test_a_file_takes_one_picture(tmp_path: Path) -> None:
    output = tmp_path / "out.png"
    line = fails(4, *UPSCALE, "-", "-o", output, input=GOOD * 2)
    assert "standard input: holds more than one picture" in line and "use -o FOLDER/ or -o -" in line
    assert np.array_equal(read_png(output.read_bytes()), alone(UPSCALE, pixels(4, 5)))
    assert "already exists" in fails(5, *UPSCALE, "-", "-o", output, input=GOOD)


FORMATS = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "bmp": b"BM", "pnm": b"P6\n20 16\n255\n"}


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize("given", [ppm, png])
def test_the_format_of_standard_output(wanted: str, given, tmp_path: Path) -> None:
    made = succeeds(*UPSCALE, "-", "-o", "-", "--format", wanted, input=given(pixels(4, 5)))
    assert made.startswith(FORMATS[wanted])
    succeeds(*UPSCALE, "-", "-o", tmp_path / "out.jpg", "--format", wanted, input=given(pixels(4, 5)))
    assert (tmp_path / "out.jpg").read_bytes() == made


def test_a_cutout_keeps_its_alpha() -> None:
    cutout = [*SEGMENT, "-", "-o", "-", "--view", "cutout"]
    made = succeeds(*cutout, input=ppm(pixels(24, 20)))
    assert read_png(made).shape == (24, 20, 4)
    assert "a cutout has alpha" in fails(2, *cutout, "--format", "pnm", input=ppm(pixels(24, 20)))


def test_options_for_a_single_picture(tmp_path: Path) -> None:
    frame, mask = ppm(pixels(24, 20)), tmp_path / "mask.png"
    succeeds(*SEGMENT, "-", "-o", mask, "--view", "mask", input=frame)
    one = [*SEGMENT, "-", "--view", "mask", "-o"]
    for option, value in {"--probabilities": tmp_path / "p.npy", "--truth": mask}.items():
        line = limn(*one, f"{tmp_path}/{option[2:]}/", option, value, input=frame * 2).stderr.decode()
        assert f"standard input: holds more than one picture, but {option}" in line
    truths = tmp_path / "truths"
    truths.mkdir()
    for number in (1, 2):
        shutil.copy(mask, truths / f"000{number}.png")
    report = json.loads(succeeds(*one, f"{tmp_path}/out/", "--truth", truths, "--json", input=frame * 2))
    assert [picture["accuracy"] for picture in report["pictures"]] == [1, 1]


# One picture where one is expected


def test_the_second_picture_is_refused(tmp_path: Path) -> None:
    one, two = tmp_path / "one.ppm", tmp_path / "two.ppm"
    one.write_bytes(GOOD)
    two.write_bytes(GOOD * 2)
    refused = f"holds more than one picture, one expected: the second starts at byte {len(GOOD)}"
    for command in (
        [*UPSCALE, two, "-o", tmp_path / "x.png"],
        ["compare", two, one],
        ["compare", "--masks", two, one],
        ["pixels", "to-text", two],
        ["pixels", "dataset", one, two],
        ["pixels", "mean", two, "-o", tmp_path / "x.png"],
        ["pixels", "split", two, "--grid", "1x1", "-o", tmp_path / "x"],
    ):
        assert f"two.ppm: {refused}" in fails(4, *command), command
    for command in (["compare", "-", one], ["pixels", "to-text", "-"], ["pixels", "mean", "-", "-o", tmp_path / "x.png"]):
        assert f"standard input: {refused}" in fails(4, *command, input=GOOD * 2), command
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.ppm", "two.ppm"]


@pytest.mark.parametrize("second", [b"P1 1 1 1", b"\n \nP5 1 1 255 x", b"P6#c\n1", b"P3\n"])
@pytest.mark.parametrize("first", ["P1", "P2", "P3", "P4", "P5", "P6"])
def test_a_file_of_two_pictures(first: str, second: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.pnm").write_bytes(KINDS[first][0] + second)
    assert "in.pnm: holds more than one picture" in fails(4, "pixels", "to-text", tmp_path / "in.pnm")


@pytest.mark.parametrize("rest", [b"\n", b" \n\n", b"\0" * 30, b"P", b"P6", b"P7\n", b"P65", b"trailer", b"\nP 6 1 1"])
def test_what_is_no_picture_is_ignored(rest: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.pnm").write_bytes(GOOD)
    want = succeeds("pixels", "to-text", tmp_path / "in.pnm")
    (tmp_path / "in.pnm").write_bytes(GOOD + rest)
    assert succeeds("pixels", "to-text", tmp_path / "in.pnm") == want


def jpeg(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels(16, 16, seed=seed)).save(file, "JPEG")
    return file.getvalue()


def test_streams_of_other_formats() -> None:
    """ffmpeg's image2pipe writes JPEG by default. A camera's JPEG may have others behind it."""
    line = fails(4, *UPSCALE, "-", "-o", "-", input=png(pixels(4, 5)) * 2)
    assert line == "limn: standard input: holds more than one PNG picture; several pictures must be PNM\n"
    line = fails(4, *UPSCALE, "-", "-o", "-", input=b"".join(map(jpeg, range(4))))
    assert line == "limn: standard input: holds more than one JPEG picture; several pictures must be PNM\n"
    one = succeeds(*UPSCALE, "-", "-o", "-", input=jpeg(1))
    assert succeeds(*UPSCALE, "-", "-o", "-", input=jpeg(1) + jpeg(2)) == one


# ffmpeg


@pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="needs ffmpeg")
@pytest.mark.parametrize("name", MAKERS)
def test_a_video(name: str, tmp_path: Path) -> None:
    """A clip, its frames through limn, and back into a video: as many frames, of the right size."""
    frames, width, height = 40, 48, 32
    factor = 4 if name == "upscale" else 1
    clip, video = tmp_path / "clip.mkv", tmp_path / "made.mkv"
    source = f"testsrc=size={width}x{height}:rate=25"
    quiet = ["ffmpeg", "-v", "error", "-nostdin"]
    reads = [*quiet, "-f", "image2pipe", "-c:v", "ppm", "-i", "-"]
    subprocess.run([*quiet, "-f", "lavfi", "-i", source, "-frames:v", str(frames), "-c:v", "ffv1", clip], check=True)
    with (
        subprocess.Popen([*quiet, "-i", clip, "-f", "image2pipe", "-c:v", "ppm", "-"], stdout=subprocess.PIPE) as reader,
        subprocess.Popen([LIMN, *MAKERS[name], "-", "-o", "-"], stdin=reader.stdout, stdout=subprocess.PIPE) as maker,
        subprocess.Popen([*reads, "-c:v", "ffv1", video], stdin=maker.stdout) as end,
    ):
        assert (reader.wait(120), maker.wait(120), end.wait(120)) == (0, 0, 0)
    wanted = ["-count_frames", "-show_entries", "stream=width,height,nb_read_frames", "-of", "json"]
    shown = subprocess.run(["ffprobe", "-v", "error", *wanted, video], stdout=subprocess.PIPE, check=True).stdout
    (stream,) = json.loads(shown)["streams"]
    assert (stream["width"], stream["height"], int(stream["nb_read_frames"])) == (factor * width, factor * height, frames)
