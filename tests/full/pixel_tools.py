"""`limn pixels` and `limn compare` against what they replace: Pillow, OpenCV, pandas, scikit-image."""

from __future__ import annotations

import io
import json
import pathlib
from collections.abc import Sequence

import cv2
import numpy as np
import pandas
from checks import Check, Failure, Figure, Limn
from pictures import level_apart, photograph, read_rgb
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

# The example that `limn pixels dataset` follows: 16 pictures of 48 x 48.
COUNT, SIDE = 16, 48
LEAST_DIGITS = 1e-6  # relative: limn's Lab is in float32


def same_bytes(got: bytes, want: bytes) -> Figure:
    if len(got) != len(want):
        raise Failure(f"limn makes {len(got)} bytes, the recipe {len(want)}")
    differing = np.frombuffer(got, np.uint8) != np.frombuffer(want, np.uint8)
    return Figure(int(differing.sum()), "bytes differ", 0)


# Text


def pillow_grey(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).convert("L"))


def to_text_check(limn: Limn) -> Figure:
    source, output = limn.folder / "in.png", limn.folder / "out.txt"
    picture = photograph("chelsea")
    Image.fromarray(picture).save(source)
    limn("pixels", "to-text", source, "-o", output, "--force")
    want = "".join(" ".join(map(str, row)) + "\n" for row in pillow_grey(picture))
    return same_bytes(output.read_bytes(), want.encode())


def from_text_check(limn: Limn) -> Figure:
    """Read back from Pillow's levels as NumPy writes them."""
    source, output = limn.folder / "in.txt", limn.folder / "out.png"
    grey = pillow_grey(photograph("coffee"))
    np.savetxt(source, grey, fmt="%d")
    limn("pixels", "from-text", source, "-o", output, "--force")
    return same_bytes(read_rgb(output).tobytes(), np.repeat(grey[..., None], 3, 2).tobytes())


# Tables


def pieces(limn: Limn, extension: str, **options: int) -> list[pathlib.Path]:
    """Squares of a photograph as a folder's files 8_1 .. 8_16, in natural order."""
    folder = limn.folder / extension
    folder.mkdir(exist_ok=True)
    paths = [folder / f"8_{number}.{extension}" for number in range(1, COUNT + 1)]
    for number, path in enumerate(paths):
        left, top = number % 4 * 100 + 17, number // 4 * 70 + 5
        Image.fromarray(photograph("coffee", (left, top, left + SIDE, top + SIDE))).save(path, **options)
    return paths


def pandas_table(paths: Sequence[pathlib.Path]) -> pandas.DataFrame:
    """Row, Column, pixel[1] .., pixel_mean; the mean in float64, as 8 bits would wrap."""
    planes = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2GRAY) for path in paths]
    rows, columns = np.indices(planes[0].shape)
    table = pandas.DataFrame({"Row": rows.ravel(), "Column": columns.ravel()})
    for number, plane in enumerate(planes, start=1):
        table[f"pixel[{number}]"] = plane.ravel()
    table["pixel_mean"] = table.filter(like="pixel[").astype(np.float64).mean(axis=1)
    return table


def dataset(limn: Limn, *sources: pathlib.Path) -> bytes:
    output = limn.folder / "data.csv"
    limn("pixels", "dataset", *sources, "-o", output, "--force")
    return output.read_bytes()


def png_table_check(limn: Limn) -> Figure:
    """The whole folder."""
    paths = pieces(limn, "png")
    return same_bytes(dataset(limn, paths[0].parent), pandas_table(paths).to_csv().encode())


def few_png_check(limn: Limn) -> Figure:
    """Seven files, backwards: order is the arguments', and sevenths have as many digits as a double takes."""
    paths = pieces(limn, "png")[6::-1]
    return same_bytes(dataset(limn, *paths), pandas_table(paths).to_csv().encode())


def jpeg_table_check(limn: Limn, **options: int) -> Figure:
    """stb_image rounds a JPEG's cosine transform and chroma otherwise than libjpeg, which OpenCV uses."""
    paths = pieces(limn, "jpg", **options)
    want = pandas_table(paths)
    got = pandas.read_csv(io.BytesIO(dataset(limn, paths[0].parent)), index_col=0)
    if list(got.columns) != list(want.columns) or len(got) != len(want):
        raise Failure(f"a table of {got.shape} with columns {list(got.columns)}")
    return Figure(float((got - want).abs().to_numpy().max()), "levels", 1)


def mean_check(limn: Limn, from_table: bool) -> Figure:
    """Rounded to nearest, halves up."""
    paths, output = pieces(limn, "png"), limn.folder / "mean.png"
    table = pandas_table(paths)
    source = limn.folder / "mean.csv" if from_table else paths[0].parent
    if from_table:
        table.to_csv(source)
    limn("pixels", "mean", source, "-o", output, "--force")
    mean = np.floor(table["pixel_mean"].to_numpy() + 0.5).astype(np.uint8).reshape(SIDE, SIDE)
    return same_bytes(read_rgb(output).tobytes(), np.repeat(mean[..., None], 3, 2).tobytes())


def split_check(limn: Limn) -> Figure:
    """A sheet of 4 x 4 pieces, each resized by Pillow."""
    source, folder = limn.folder / "sheet.png", limn.folder / "pieces"
    sheet = photograph("coffee")
    Image.fromarray(sheet).save(source)
    limn("pixels", "split", source, "--grid", "4x4", "--size", f"{SIDE}x{SIDE}", "-o", folder, "--force")
    high, wide = sheet.shape[0] // 4, sheet.shape[1] // 4
    got, want = [], []
    for number in range(COUNT):
        top, left = number // 4 * high, number % 4 * wide
        piece = Image.fromarray(sheet[top : top + high, left : left + wide])
        want.append(np.asarray(piece.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
        got.append(read_rgb(folder / f"sheet_{number + 1}.png"))
    return level_apart(np.stack(got), np.stack(want))


# Figures


def blurred(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (5, 5), 0)


def compressed(picture: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=20)
    with Image.open(file) as image:
        return np.asarray(image)


def figures(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """By scikit-image, under limn's names."""
    return {
        "mse": mean_squared_error(a, b),
        "psnr": peak_signal_noise_ratio(a, b),
        "ssim": structural_similarity(a, b, channel_axis=-1),
        "delta_e_2000": deltaE_ciede2000(rgb2lab(a), rgb2lab(b)).mean(),
    }


def compare_check(limn: Limn, a: np.ndarray, b: np.ndarray) -> Figure:
    """The largest relative difference of the four figures."""
    paths = limn.folder / "a.png", limn.folder / "b.png"
    for path, picture in zip(paths, (a, b), strict=True):
        Image.fromarray(picture).save(path)
    (got,) = json.loads(limn("compare", "--json", *paths))["pairs"]
    want = figures(a, b)
    return Figure(max(abs(got[name] / value - 1) for name, value in want.items()), "relative", LEAST_DIGITS)


PART = ("chelsea", (13, 7, 314, 206))
CHECKS = [
    Check("pixels to-text, 451 x 300", to_text_check),
    Check("pixels from-text, 600 x 400", from_text_check),
    Check("pixels dataset, 16 PNG of 48 x 48", png_table_check),
    Check("pixels dataset, 7 PNG, in reverse", few_png_check),
    Check("pixels dataset, 16 JPEG of 48 x 48", lambda limn: jpeg_table_check(limn, quality=92)),
    Check("pixels dataset, 16 JPEG, quality 60", lambda limn: jpeg_table_check(limn, quality=60)),
    Check("pixels dataset, 16 JPEG, full chroma", lambda limn: jpeg_table_check(limn, quality=92, subsampling=0)),
    Check("pixels mean, 16 PNG of 48 x 48", lambda limn: mean_check(limn, from_table=False)),
    Check("pixels mean, the same from pandas' table", lambda limn: mean_check(limn, from_table=True)),
    Check("pixels split --grid 4x4 --size 48x48, 600 x 400", split_check),
    Check(
        "compare, JPEG, 451 x 300",
        lambda limn: compare_check(limn, photograph("chelsea"), compressed(photograph("chelsea"))),
    ),
    Check(
        "compare, blurred, 301 x 199",
        lambda limn: compare_check(limn, photograph(*PART), blurred(photograph(*PART))),
    ),
]
