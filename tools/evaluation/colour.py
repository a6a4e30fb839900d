"""Colorization measured on photographs: with hints at random points, without hints, and how far one hint spreads.

The photographs are shrunk to at most 384 pixels a side, colorized by the limn program from their lightness, and
compared with themselves. Grey ones, of a mean chroma below 2, are left out. A hint is a random point at least 3 pixels
from the border; its colour is the mean a and b of the 5 x 5 pixels around it, at the point's own L, as #rrggbb; its
radius is 2. The yardsticks get the same hints:

    Levin     Levin, Lischinski, Weiss, "Colorization using Optimization", SIGGRAPH 2004, solved exactly
    flat      the mean colour of the hints, everywhere
    grey      no colour
    tint      a 2 and b 6 everywhere: a sepia that many automatic colorizers are close to

Needs numpy, scipy, scikit-image and pillow.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg
from PIL import Image
from scipy import ndimage
from skimage import color, segmentation

SIDE = 384
COUNTS = (10, 30, 100)  # hints
SATURATIONS = (0.5, 1.0, 1.5, 2.0)
RADIUS = 2
REGIONS = 3  # at most so many of a picture
TINT = (2.0, 6.0)
LEAST_CHROMA = 2.0

Figures = dict[str, Any]


class Hint(NamedTuple):
    y: int
    x: int
    rgb: tuple[int, ...]  # 0..255

    @property
    def square(self) -> tuple[slice, slice]:
        return np.s_[self.y - RADIUS : self.y + RADIUS + 1, self.x - RADIUS : self.x + RADIUS + 1]

    @property
    def ab(self) -> np.ndarray:
        return color.rgb2lab(np.array([[self.rgb]], np.uint8))[0, 0, 1:]


class Picture(NamedTuple):
    path: Path  # of the PNG that limn gets
    rgb: np.ndarray  # uint8, H x W x 3
    lab: np.ndarray


@dataclass
class Colorizer:
    """limn colorize with a weights file and further options."""

    program: str
    model: str
    options: Sequence[str]
    folder: Path  # for hints and results

    def run(self, source: Path, *options: str) -> Path:
        """Colorizes a picture or a folder of pictures. Exits if limn fails."""
        output = self.folder / ("found" if source.is_dir() else "found.png")
        command = [self.program, "colorize", "-m", self.model, *self.options, str(source), "-o", str(output)]
        done = subprocess.run([*command, "--force", "--quiet", *options], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"error: {self.program} colorize: {done.stderr.strip()}")
        return output

    def hinted(self, picture: Picture, hints: list[Hint]) -> np.ndarray:
        """uint8, H x W x 3."""
        file = self.folder / "hints.txt"
        file.write_text("".join(f"{x} {y} #{r:02x}{g:02x}{b:02x} {RADIUS}\n" for y, x, (r, g, b) in hints))
        return read_rgb(self.run(picture.path, "--hints", str(file)))


def read_rgb(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def read_pictures(paths: Sequence[Path], folder: Path) -> list[Picture]:
    """The photographs that have colours, shrunk, which it writes to `folder`. Exits if there is none."""
    pictures = []
    for number, path in enumerate(paths):
        with Image.open(path) as image:
            small = image.convert("RGB")
        small.thumbnail((SIDE, SIDE))
        target, rgb = folder / f"{number:04}.png", np.asarray(small)
        picture = Picture(target, rgb, color.rgb2lab(rgb))
        if np.hypot(picture.lab[..., 1], picture.lab[..., 2]).mean() >= LEAST_CHROMA:
            small.save(target)
            pictures.append(picture)
    if not pictures:
        raise SystemExit("error: no pictures with colours to measure on")
    return pictures


# ---- Measures ----------------------------------------------------------------------------------


def psnr_ab(ab: np.ndarray, lab: np.ndarray) -> float:
    """10 log10(220^2 / mean square error) over all pixels and both channels, in dB."""
    return float(10 * np.log10(220**2 / max(np.mean((ab - lab[..., 1:]) ** 2), 1e-9)))


def delta_e(rgb: np.ndarray, lab: np.ndarray) -> np.ndarray:
    """CIEDE2000 of every pixel of an 8-bit picture against the true Lab."""
    return color.deltaE_ciede2000(lab, color.rgb2lab(rgb))


def colourfulness(rgb: np.ndarray) -> float:
    """Hasler and Suesstrunk, "Measuring colourfulness in natural images", 2003, of an 8-bit picture."""
    r, g, b = np.moveaxis(rgb.astype(float), 2, 0)
    rg, yb = r - g, (r + g) / 2 - b
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def painted(lab: np.ndarray, ab: tuple[float, float]) -> np.ndarray:
    """The lightness of a picture with one colour everywhere, uint8 H x W x 3."""
    flat = np.dstack([lab[..., 0], np.full(lab.shape[:2], ab[0]), np.full(lab.shape[:2], ab[1])])
    return (np.clip(color.lab2rgb(flat), 0, 1) * 255).round().astype(np.uint8)


# ---- Yardsticks --------------------------------------------------------------------------------


def flat(lab: np.ndarray, hints: list[Hint]) -> np.ndarray:
    return np.zeros((*lab.shape[:2], 2)) + np.mean([hint.ab for hint in hints], 0)


def grey(lab: np.ndarray, hints: list[Hint]) -> np.ndarray:
    return np.zeros((*lab.shape[:2], 2))


def levin(lab: np.ndarray, hints: list[Hint]) -> np.ndarray:
    """Pixels of hints keep their colour; the others have the mean of their neighbours', weighted by likeness of L."""
    height, width = lab.shape[:2]
    number, light = np.arange(height * width).reshape(height, width), lab[..., 0] / 100
    colours, held = np.zeros((height, width, 2)), np.zeros((height, width), bool)
    for hint in hints:
        colours[hint.square], held[hint.square] = hint.ab, True
    offsets = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    padded = np.pad(light, 1, mode="edge")
    near = np.stack([padded[1 + dy : height + 1 + dy, 1 + dx : width + 1 + dx] for dy, dx in offsets], -1)
    spread = np.maximum(near.var(-1) * 0.6, 2e-6)
    y, x = np.mgrid[0:height, 0:width]
    rows, columns, values = [], [], []
    for k, (dy, dx) in enumerate(offsets):
        inside = (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width) & ~held & bool(dy or dx)
        rows.append(number[inside])
        columns.append((number + dy * width + dx)[inside])
        values.append(np.maximum(np.exp(-((near[..., k] - light) ** 2) / spread), 1e-6)[inside])
    row, column, value = map(np.concatenate, (rows, columns, values))
    value /= np.bincount(row, value, height * width)[row]
    steps = sp.csr_matrix((value, (row, column)), (height * width,) * 2)
    free, colours = ~held.ravel(), colours.reshape(-1, 2)
    system = (sp.identity(int(free.sum())) - steps[free][:, free]).tocsc()
    factors = scipy.sparse.linalg.splu(system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0,
                                       options={"SymmetricMode": True})  # fmt: skip
    colours[free] = factors.solve((steps @ colours)[free])
    return colours.reshape(height, width, 2)


YARDSTICKS: dict[str, Callable[[np.ndarray, list[Hint]], np.ndarray]] = {"Levin": levin, "flat": flat, "grey": grey}


# ---- With hints --------------------------------------------------------------------------------


def hint_at(lab: np.ndarray, y: int, x: int) -> Hint:
    a, b = lab[y - RADIUS : y + RADIUS + 1, x - RADIUS : x + RADIUS + 1, 1:].mean((0, 1))
    rgb = np.clip(color.lab2rgb(np.array([[[lab[y, x, 0], a, b]]]))[0, 0], 0, 1)
    return Hint(y, x, tuple(int(value) for value in (rgb * 255).round()))


def drawn_hints(lab: np.ndarray, count: int, rng: np.random.Generator) -> list[Hint]:
    height, width = lab.shape[:2]
    return [hint_at(lab, int(rng.integers(3, height - 3)), int(rng.integers(3, width - 3))) for _ in range(count)]


def with_hints(limn: Colorizer, pictures: list[Picture]) -> Figures:
    """PSNR of a and b in dB, mean over the pictures, by number of hints and method."""
    figures: Figures = {}
    for count in COUNTS:
        rows = []
        for number, picture in enumerate(pictures):
            hints = drawn_hints(picture.lab, count, np.random.default_rng([number, count]))
            found = {"limn": color.rgb2lab(limn.hinted(picture, hints))[..., 1:]}
            found |= {name: method(picture.lab, hints) for name, method in YARDSTICKS.items()}
            rows.append({name: psnr_ab(ab, picture.lab) for name, ab in found.items()})
        figures[str(count)] = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return figures


# ---- Without hints -----------------------------------------------------------------------------


def without_hints(limn: Colorizer, pictures: list[Picture]) -> Figures:
    """Mean Delta-E, and the sum of colourfulness as a share of the truth's, by method; limn's by saturation."""

    def row(results: list[np.ndarray]) -> Figures:
        true = sum(colourfulness(picture.rgb) for picture in pictures)
        errors = [delta_e(rgb, picture.lab).mean() for rgb, picture in zip(results, pictures, strict=True)]
        return {"delta_e": float(np.mean(errors)), "colourfulness": sum(map(colourfulness, results)) / true}

    figures = {
        "grey": row([painted(picture.lab, (0, 0)) for picture in pictures]),
        "tint": row([painted(picture.lab, TINT) for picture in pictures]),
    }
    for saturation in SATURATIONS:
        folder = limn.run(pictures[0].path.parent, "--saturation", str(saturation))
        results = [read_rgb(folder / picture.path.name) for picture in pictures]
        figures[f"limn, saturation {saturation:g}"] = row(results)
    return figures


# ---- Spreading ---------------------------------------------------------------------------------


def regions_of(lab: np.ndarray) -> list[tuple[np.ndarray, Hint]]:
    """The largest regions of one clear colour, at most REGIONS, as masks, and a hint in the middle of each.

    They are segments of the true a and b of 1 to 40 percent of the picture, with a mean chroma of at least 15 and a
    standard deviation of at most 10 in both channels.
    """
    pixels = lab[..., 0].size
    segments = segmentation.felzenszwalb(lab[..., 1:] / 100, scale=100, sigma=1, min_size=pixels // 100)
    found = []
    for number in np.argsort(-np.bincount(segments.ravel())):
        where = segments == number
        ab = lab[where][:, 1:]
        if not 0.01 * pixels <= len(ab) <= 0.4 * pixels or np.hypot(*ab.mean(0)) < 15 or ab.std(0).max() > 10:
            continue
        depth = ndimage.distance_transform_edt(np.pad(where, 1))[1:-1, 1:-1]
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        if depth[y, x] > 2 * RADIUS:
            found.append((where, hint_at(lab, int(y), int(x))))
    return found[:REGIONS]


def spreading(limn: Colorizer, pictures: list[Picture]) -> Figures:
    """The effect of one hint in each region, on the region without the hint's square and on the rest of the picture."""
    rows = []
    for picture in pictures:
        regions = regions_of(picture.lab)
        if not regions:
            continue
        before = delta_e(limn.hinted(picture, []), picture.lab)
        for where, hint in regions:
            after = delta_e(limn.hinted(picture, [hint]), picture.lab)
            region = where.copy()
            region[hint.square] = False
            rows.append([errors[place].mean() for place in (region, ~where) for errors in (before, after)])
    before, after, rest_before, rest_after = np.mean(rows, 0) if rows else [float("nan")] * 4
    return {
        "regions": len(rows),
        "halved": sum(row[1] <= row[0] / 2 for row in rows) / max(len(rows), 1),
        "delta_e": {"region": [float(before), float(after)], "rest": [float(rest_before), float(rest_after)]},
    }


# ---- All ---------------------------------------------------------------------------------------


def measure(program: str, model: str, paths: Sequence[Path], options: Sequence[str] = ()) -> Figures:
    """All figures of a colorizer on photographs; those of hints only for siggraph17.

    program, model: limn and its -m; options: further ones of `limn colorize`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "true").mkdir()
        pictures = read_pictures(paths, folder / "true")
        limn = Colorizer(program, model, options, folder)
        figures: Figures = {"pictures": len(pictures), "grey_pictures": len(paths) - len(pictures)}
        figures["without_hints"] = without_hints(limn, pictures)
        if takes_hints(program, model):
            figures |= {"hints": with_hints(limn, pictures), "spreading": spreading(limn, pictures)}
    return figures


def takes_hints(program: str, model: str) -> bool:
    done = subprocess.run([program, "inspect", model, "--json"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"error: {program} inspect: {done.stderr.strip()}")
    return json.loads(done.stdout)["model"] == "siggraph17"


def markdown(figures: Figures) -> str:
    """The figures as Markdown tables."""
    left_out = f"{figures['grey_pictures']} grey ones left out"
    lines = [f"{figures['pictures']} pictures, at most {SIDE} pixels a side; {left_out}.", ""]
    lines += ["| without hints | Delta-E | colourfulness / truth's |", "|---|---|---|"]
    for name, row in figures["without_hints"].items():
        lines.append(f"| {name} | {row['delta_e']:.2f} | {row['colourfulness']:.2f} |")
    if "hints" in figures:
        counts = list(figures["hints"])
        lines += ["", "| PSNR of a and b, dB | " + " | ".join(f"{count} hints" for count in counts) + " |"]
        lines.append("|---" * (1 + len(counts)) + "|")
        for name in figures["hints"][counts[0]]:
            row = " | ".join(f"{figures['hints'][count][name]:.1f}" for count in counts)
            lines.append(f"| {name} | {row} |")
        found = figures["spreading"]
        (before, after), (rest_before, rest_after) = found["delta_e"]["region"], found["delta_e"]["rest"]
        lines += ["", f"One hint in each of {found['regions']} regions of one colour: Delta-E outside its square at "
                  f"least halves in {100 * found['halved']:.0f} % of them; it goes from {before:.1f} to {after:.1f} "
                  f"there, and from {rest_before:.1f} to {rest_after:.1f} in the rest of the picture."]  # fmt: skip
    return "\n".join(lines) + "\n"
