"""`limn pixels` from outside: text, tables, means, sheets; folders, pipes, existing outputs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, fails, limn, pixels, png, ppm, read_png, succeeds


def pillow_grey(rgb: np.ndarray) -> np.ndarray:
    r, g, b = np.moveaxis(rgb[..., :3].astype(np.int64), -1, 0)
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16


def opencv_grey(rgb: np.ndarray) -> np.ndarray:
    r, g, b = np.moveaxis(rgb[..., :3].astype(np.int64), -1, 0)
    return (9798 * r + 19235 * g + 3735 * b + 16384) >> 15


def as_text(plane: np.ndarray) -> bytes:
    return "".join(" ".join(map(str, row)) + "\n" for row in plane.tolist()).encode()


def as_table(pictures: list[np.ndarray]) -> bytes:
    """What pandas' to_csv writes: Python's repr of the float64 mean."""
    planes = [opencv_grey(picture) for picture in pictures]
    lines = [",Row,Column," + "".join(f"pixel[{i + 1}]," for i in range(len(planes))) + "pixel_mean"]
    for index, (row, column) in enumerate(np.ndindex(planes[0].shape)):
        levels = [int(plane[row, column]) for plane in planes]
        fields = [index, row, column, *levels, repr(sum(levels) / len(levels))]
        lines.append(",".join(map(str, fields)))
    return ("\n".join(lines) + "\n").encode()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def set_of(folder: Path, count: int, height: int = 3, width: int = 4) -> tuple[list[Path], list[np.ndarray]]:
    """Pictures 8_1.ppm, 8_2.ppm ..., so that 8_10 sorts before 8_2 as text."""
    folder.mkdir(exist_ok=True)
    pictures = [pixels(height, width, seed=i + 1) for i in range(count)]
    return [written(folder / f"8_{i + 1}.ppm", ppm(picture)) for i, picture in enumerate(pictures)], pictures


def nothing_new(folder: Path, *before: Path) -> None:
    assert sorted(folder.rglob("*")) == sorted(before)


# Text


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (5, 7), (48, 48)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_to_text(size: tuple[int, int], channels: int, tmp_path: Path) -> None:
    picture = pixels(*size, channels)
    source = written(tmp_path / "picture.png", png(picture))
    colours = picture if channels >= 3 else picture[..., :1].repeat(3, axis=2)
    want = as_text(pillow_grey(colours))
    assert succeeds("pixels", "to-text", source) == want
    assert succeeds("pixels", "to-text", "-i", source, "-o", "-") == want
    assert succeeds("pixels", "to-text", source, "-o", tmp_path / "pixel_output.txt") == b""
    assert (tmp_path / "pixel_output.txt").read_bytes() == want
    assert succeeds("pixels", "to-text", "-", input=source.read_bytes()) == want


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (31, 17)])
def test_there_and_back(size: tuple[int, int], tmp_path: Path) -> None:
    source = written(tmp_path / "picture.ppm", ppm(pixels(*size)))
    text = succeeds("pixels", "to-text", source)
    back = succeeds("pixels", "from-text", "-", "-o", "-", input=text)
    assert succeeds("pixels", "to-text", "-", input=back) == text
    got = read_png(back)
    assert as_text(got[..., 0]) == text and (got == got[..., :1]).all()


def test_from_text_writes_the_format_of_the_name(tmp_path: Path) -> None:
    text = written(tmp_path / "pixel_output.txt", b"0 255\r\n7 8")
    succeeds("pixels", "from-text", text, "-o", tmp_path / "reconstructed_image.pgm")
    assert (tmp_path / "reconstructed_image.pgm").read_bytes() == b"P5\n2 2\n255\n\x00\xff\x07\x08"
    sizes = []
    for quality in ("10", "100"):
        jpeg = tmp_path / f"{quality}.jpg"
        succeeds("pixels", "from-text", text, "-o", jpeg, "--quality", quality)
        assert jpeg.read_bytes().startswith(b"\xff\xd8\xff")
        sizes.append(len(jpeg.read_bytes()))
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"", "contains no values"),
        (b"1 2\n3\n", "line 2, column 2"),
        (b"1 2\n3 4 5\n", "line 2, column 5"),
        (b"1 2\r\n3 256\r\n", "line 2, column 3"),
        (b"1 2\n-1 0\n", "line 2, column 1"),
        (b"1 x\n", "line 1, column 3"),
        (b"1 2\n\n3 4", "line 2, column 1"),
        (b"\x89PNG\r\n", "line 1, column 1"),
    ],
)
def test_malformed_text(text: bytes, place: str, tmp_path: Path) -> None:
    source = written(tmp_path / "pixel_output.txt", text)
    message = fails(4, "pixels", "from-text", source, "-o", tmp_path / "out.png")
    assert f"{source}: {place}" in message
    nothing_new(tmp_path, source)


# Tables and means


@pytest.mark.parametrize("count", [1, 2, 3, 7, 16, 33])
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (9, 6)])
def test_dataset(count: int, size: tuple[int, int], tmp_path: Path) -> None:
    paths, pictures = set_of(tmp_path / "set", count, *size)
    want = as_table(pictures)
    assert succeeds("pixels", "dataset", *paths) == want
    succeeds("pixels", "dataset", tmp_path / "set", "-o", tmp_path / "data.csv")
    assert (tmp_path / "data.csv").read_bytes() == want


def test_every_mean_has_its_shortest_form(tmp_path: Path) -> None:
    # 0..255 of the pictures are white where the pixel's number is at least theirs: every sum from 0 on.
    ramp = np.arange(256)
    for count in (3, 7, 61, 255):
        white = [np.where(ramp > i * 256 // count, 255 - i % 3, i % 2).astype(np.uint8) for i in range(count)]
        pictures = [np.repeat(row.reshape(1, 256, 1), 3, axis=2) for row in white]
        paths = [written(tmp_path / f"{i}.ppm", ppm(picture)) for i, picture in enumerate(pictures)]
        assert succeeds("pixels", "dataset", *paths) == as_table(pictures)


def test_a_mean_below_a_ten_thousandth(tmp_path: Path) -> None:
    """Where Python changes to the exponent form: one level in 20000 pictures."""
    black = written(tmp_path / "black.pgm", b"P5 1 1 255\n\x00")
    one = written(tmp_path / "one.pgm", b"P5 1 1 255\n\x01")
    for count in (9999, 10000, 20000):
        table = succeeds("pixels", "dataset", one, *[black.name] * (count - 1), cwd=tmp_path)
        assert table.split(b",")[-1].decode() == repr(1 / count) + "\n"


def test_the_order_is_that_of_the_arguments(tmp_path: Path) -> None:
    paths, pictures = set_of(tmp_path / "set", 11)
    order = [4, 0, 10, 4]
    want = as_table([pictures[i] for i in order])
    assert succeeds("pixels", "dataset", *[paths[i] for i in order]) == want
    assert succeeds("pixels", "dataset", "-i", paths[4], *[paths[i] for i in order[1:]]) == want
    # A folder among files: its pictures in natural order, 8_2 before 8_10, other files left out.
    (tmp_path / "set" / "notes.txt").write_text("no picture")
    assert succeeds("pixels", "dataset", paths[3], tmp_path / "set") == as_table([pictures[3], *pictures])


@pytest.mark.parametrize("count", [1, 2, 16])
def test_mean(count: int, tmp_path: Path) -> None:
    paths, pictures = set_of(tmp_path / "set", count, 6, 5)
    sums = sum(opencv_grey(picture) for picture in pictures)
    want = np.floor(sums / count + 0.5).astype(np.uint8)
    table = written(tmp_path / "data.csv", succeeds("pixels", "dataset", *paths))
    for number, inputs in enumerate([paths, [tmp_path / "set"], [table]]):
        output = tmp_path / f"mean{number}.png"
        succeeds("pixels", "mean", *inputs, "-o", output)
        assert (read_png(output.read_bytes()) == want[..., None]).all()
    piped = succeeds("pixels", "mean", "-", "-o", "-", input=table.read_bytes())
    assert (read_png(piped) == want[..., None]).all()


def test_pictures_of_unequal_size(tmp_path: Path) -> None:
    a = written(tmp_path / "a.ppm", ppm(pixels(3, 4)))
    b = written(tmp_path / "b.ppm", ppm(pixels(4, 3)))
    for action in ("dataset", "mean"):
        message = fails(4, "pixels", action, a, b, "-o", tmp_path / "out.png")
        assert f"{b}: 3 x 4 pixels, the pictures before it have 4 x 3" in message
    nothing_new(tmp_path, a, b)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b",Row", b",Line", "line 1, column 1"),
        (b"pixel[2]", b"pixel[3]", "line 1, column 22"),
        (b"\n1,0,1,", b"\n7,0,1,", "line 3, column 1"),
        (b"\n1,0,1,", b"\n1,0,2,", "line 3, column 5"),
        (b"\n1,0,1,", b"\n1,0,1,9,", "line 3, column"),
        (b"\n1,0,1,", b"\n1,0,1,x", "line 3, column 7"),
        (b"\n5,1,2,", b"\n5,1,2,300,", "line 7, column 7"),
    ],
)
def test_malformed_table(old: bytes, new: bytes, place: str, tmp_path: Path) -> None:
    good = as_table([pixels(2, 3, seed=1), pixels(2, 3, seed=2)])
    assert good.count(old) == 1
    table = written(tmp_path / "data.csv", good.replace(old, new))
    message = fails(4, "pixels", "mean", table, "-o", tmp_path / "mean.png")
    assert f"{table}: {place}" in message
    nothing_new(tmp_path, table)


def test_a_table_cut_short(tmp_path: Path) -> None:
    good = as_table([pixels(2, 3)])
    lines = good.splitlines(keepends=True)
    table = tmp_path / "data.csv"
    for data in (b"".join(lines[:-1]), lines[0], good[:-6], b"".join(lines[:2]) + b"\n" + b"".join(lines[2:])):
        table.write_bytes(data)
        assert f"{table}: line " in fails(4, "pixels", "mean", table, "-o", tmp_path / "mean.png")


def test_a_table_and_pictures_do_not_mix(tmp_path: Path) -> None:
    picture = pixels(2, 3)
    paths = [written(tmp_path / "a.ppm", ppm(picture)), written(tmp_path / "a.csv", as_table([picture]))]
    for inputs in (paths, paths[::-1]):
        message = fails(2, "pixels", "mean", *inputs, "-o", tmp_path / "mean.png")
        assert "a table must be the only input" in message


# Sheets


def test_split_in_reading_order(tmp_path: Path) -> None:
    sheet = pixels(12, 20, 4)
    source = written(tmp_path / "8.png", png(sheet))
    digits = tmp_path / "digits"
    succeeds("pixels", "split", source, "--grid", "4x4", "-o", digits)
    assert {path.name for path in digits.iterdir()} == {f"8_{i + 1}.png" for i in range(16)}
    for i in range(16):
        want = sheet[i // 4 * 3 :, i % 4 * 5 :][:3, :5]
        assert (read_png((digits / f"8_{i + 1}.png").read_bytes()) == want).all()
    # What was cut is what a table of the folder holds, in the same order.
    pieces = [sheet[i // 4 * 3 :, i % 4 * 5 :][:3, :5] for i in range(16)]
    assert succeeds("pixels", "dataset", digits) == as_table(pieces)


def test_split_to_a_size(tmp_path: Path) -> None:
    source = written(tmp_path / "sheet.ppm", ppm(np.full((50, 70, 3), 99, np.uint8)))
    message = fails(4, "pixels", "split", source, "--grid", "4x4", "-o", tmp_path / "pieces")
    assert "do not divide into 4 columns and 4 rows of equal pieces (use --size HxW to resize them to one size)" in message
    nothing_new(tmp_path, source)
    succeeds("pixels", "split", source, "--grid", "4x3", "--size", "48x32", "-o", tmp_path / "pieces")
    for i in range(12):
        got = read_png((tmp_path / "pieces" / f"sheet_{i + 1}.png").read_bytes())
        assert got.shape == (48, 32, 3) and (got == 99).all()


def test_split_from_a_pipe(tmp_path: Path) -> None:
    succeeds("pixels", "split", "-", "--grid", "1x2", "-o", tmp_path / "d", input=ppm(pixels(2, 2)))
    assert {path.name for path in (tmp_path / "d").iterdir()} == {"piece_1.png", "piece_2.png"}


def test_split_keeps_what_stands(tmp_path: Path) -> None:
    source = written(tmp_path / "s.ppm", ppm(pixels(2, 4)))
    (tmp_path / "d").mkdir()
    kept = written(tmp_path / "d" / "s_2.png", b"mine")
    assert "s_2.png: already exists" in fails(5, "pixels", "split", source, "--grid", "1x2", "-o", tmp_path / "d")
    nothing_new(tmp_path / "d", kept)
    assert kept.read_bytes() == b"mine"
    succeeds("pixels", "split", source, "--grid", "1x2", "-o", tmp_path / "d", "--force")
    assert read_png(kept.read_bytes()).shape == (2, 2, 3)


# Reports


def report(*arguments: object, **options) -> dict:
    """What --json prints, without the seconds, which all have."""
    told = json.loads(succeeds("pixels", *map(str, arguments), "--json", **options))
    for part in (told, *told["pictures"]):
        assert part.pop("seconds") >= 0
    return told


def test_json_of_one_picture(tmp_path: Path) -> None:
    written(tmp_path / "a.ppm", ppm(pixels(3, 4)))
    size = {"width": 4, "height": 3}
    told = report("to-text", "a.ppm", "-o", "a.txt", cwd=tmp_path)
    assert told == {"pictures": [{"input": "a.ppm", "output": "a.txt"} | size], "failed": 0}
    told = report("from-text", "a.txt", "-o", "b.png", cwd=tmp_path)
    assert told == {"pictures": [{"input": "a.txt", "output": "b.png"} | size], "failed": 0}
    told = report("split", "a.ppm", "--grid", "3x2", "-o", "d", cwd=tmp_path)
    assert told["failed"] == 0 and told["pictures"] == [
        {"input": "a.ppm", "output": f"d/a_{i + 1}.png", "width": 2, "height": 1, "row": i // 2, "column": i % 2}
        for i in range(6)
    ]


def test_json_of_a_set(tmp_path: Path) -> None:
    paths, _ = set_of(tmp_path, 3)
    read = [{"input": str(path), "width": 4, "height": 3} for path in paths]
    table, mean = tmp_path / "data.csv", tmp_path / "mean.png"
    told = report("dataset", *paths, "-o", table)
    assert told == {"pictures": read, "failed": 0, "output": str(table), "rows": 12}
    told = report("mean", *paths, "-o", mean)
    assert told == {"pictures": read, "failed": 0, "output": str(mean), "n": 3}
    told = report("mean", table, "-o", mean, "-f")
    assert told == {"pictures": [read[0] | {"input": str(table)}], "failed": 0, "output": str(mean), "n": 3}


@pytest.mark.parametrize("action", ["dataset", "mean"])
def test_json_of_a_set_with_a_bad_picture(action: str, tmp_path: Path) -> None:
    paths, _ = set_of(tmp_path, 3)
    paths[1].write_bytes(ppm(pixels(9, 9)))
    done = limn("pixels", action, *paths, "-o", tmp_path / "out.png", "--json")
    told = json.loads(done.stdout)
    first, bad = told["pictures"]
    assert done.returncode == 4 and done.stderr.decode() == f"limn: {bad['error']}\n" and "9 x 9" in bad["error"]
    assert first["input"] == str(paths[0]) and bad["input"] == str(paths[1])
    assert told["failed"] == 1 and "output" not in told
    paths[0].write_bytes(b"junk")
    done = limn("pixels", action, *paths, "-o", tmp_path / "out.png", "--json")
    assert (done.returncode, done.stdout) == (4, b"")
    nothing_new(tmp_path, *paths)


def test_json_without_a_place_for_the_output(tmp_path: Path) -> None:
    source = written(tmp_path / "a.ppm", ppm(pixels(2, 2)))
    for action in ("to-text", "dataset"):
        assert "missing -o OUTPUT" in fails(2, "pixels", action, source, "--json")
        line = fails(2, "pixels", action, source, "--json", "-o", "-")
        assert "--json and -o - would both write to standard output" in line


# Outputs and usage


@pytest.mark.parametrize("action", ["to-text", "from-text", "dataset", "mean"])
def test_an_output_that_stands_is_kept(action: str, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_bytes(b"1 2\n" if action == "from-text" else ppm(pixels(2, 2)))
    output = written(tmp_path / "out.png", b"mine")
    assert "already exists" in fails(5, "pixels", action, source, "-o", output)
    assert output.read_bytes() == b"mine"
    succeeds("pixels", action, source, "-o", output, "--force")
    assert output.read_bytes() != b"mine"
    nothing_new(tmp_path, source, output)


@pytest.mark.parametrize("action", ["dataset", "mean"])
def test_an_output_that_stands_is_met_before_the_pictures(action: str, tmp_path: Path) -> None:
    output = written(tmp_path / "out.png", b"mine")
    line = fails(5, "pixels", action, written(tmp_path / "in.ppm", b"junk"), "-o", output)
    assert "out.png: already exists" in line


@pytest.mark.parametrize("action", ["to-text", "dataset"])
def test_a_full_disk(action: str, tmp_path: Path) -> None:
    source = written(tmp_path / "in.ppm", ppm(pixels(2, 2)))
    assert "write failed" in fails(5, "pixels", action, source, "-o", "/dev/full")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "expected to-text, from-text, dataset, mean or split"),
        (["to-test", "a.ppm"], "to-test: expected to-text, from-text"),
        (["to-text"], "missing INPUT"),
        (["to-text", "a.ppm", "a.ppm"], "more than one INPUT"),
        (["from-text", "a.txt"], "missing -o PICTURE"),
        (["mean", "a.ppm"], "missing -o PICTURE"),
        (["mean", "-o", "m.png"], "missing INPUT"),
        (["dataset"], "missing INPUT"),
        (["split", "a.ppm", "-o", "d"], "missing --grid RxC"),
        (["split", "a.ppm", "--grid", "1x1"], "missing -o FOLDER"),
        (["split", "a.ppm", "--grid", "2", "-o", "d"], "expected RxC, such as 4x4"),
        (["split", "a.ppm", "--grid", "0x2", "-o", "d"], "expected RxC"),
        (["split", "a.ppm", "--grid", "1x1", "--size", "48", "-o", "d"], "expected HxW"),
        (["dataset", "a.ppm", "--grid", "1x1"], "--grid and --size apply only to split"),
        (["from-text", "a.txt", "-o", "a.gif"], "unknown picture format"),
    ],
)
def test_usage(arguments: list[str], part: str, tmp_path: Path) -> None:
    made = [written(tmp_path / "a.ppm", ppm(pixels(2, 2))), written(tmp_path / "a.txt", b"1 2\n")]
    assert part in fails(2, "pixels", *arguments, cwd=tmp_path)
    nothing_new(tmp_path, *made)


def test_inputs_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no pictures in this folder" in fails(4, "pixels", "dataset", tmp_path / "empty")
    assert "nowhere" in fails(4, "pixels", "to-text", tmp_path / "nowhere.png")
    junk = written(tmp_path / "junk.png", b"junk")
    for action in ("to-text", "dataset", "mean"):
        assert "junk.png" in fails(4, "pixels", action, junk, "-o", tmp_path / "out.png")


def test_too_many_pieces(tmp_path: Path) -> None:
    source = written(tmp_path / "s.ppm", ppm(pixels(2, 4)))
    assert "are too few" in fails(4, "pixels", "split", source, "--grid", "3x1", "-o", tmp_path / "d")
    nothing_new(tmp_path, source)


def test_a_memory_limit(tmp_path: Path) -> None:
    source = written(tmp_path / "s.ppm", ppm(pixels(512, 512)))
    assert "out of memory" in fails(6, "pixels", "dataset", source, "--memory-limit", "1M")


def test_text_of_a_large_picture_is_not_held_in_memory(tmp_path: Path) -> None:
    """24 megapixels: 72 MB as read, 72 MB decoded; the text of 96 MB on top would pass the limit."""
    source = tmp_path / "large.ppm"
    with open(source, "wb") as file:
        file.write(b"P6 6000 4000 255\n" + b"\xff" * 72_000_000)
    with subprocess.Popen(
        [LIMN, "pixels", "to-text", source, "--memory-limit", "150M"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        size = sum(len(block) for block in iter(lambda: process.stdout.read(1 << 20), b""))
    assert process.returncode == 0 and size == 24_000_000 * 4
