"""Rows of test_kinds.py: hidden pixels, sizes of results, sizes at which networks compute."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, ROOT, fails, png, ppm, read_png, read_weights, succeeds
from colorize_reference import join, rgb2lab
from colorize_support import Hints, assert_alike, colorized, network_ab, weights
from kinds import kind
from segment_support import (
    DEVIATION,
    MEAN,
    bilinear,
    close_to,
    mask_of,
    run,
    smooth,
    write_weights,
)
from segment_support import weights as segment_weights

WEIGHTS = ROOT / "weights"
MAGENTA, GREEN, BLACK = (255, 0, 255), (0, 255, 0), (0, 0, 0)

# Hidden pixels


def disc(hidden: tuple[int, int, int], colour: tuple[int, int, int] | None = None, side: int = 72) -> np.ndarray:
    """A disc with a soft edge and a hole, in one colour or several; what is hidden has the colour `hidden`."""
    y, x = np.mgrid[0:side, 0:side] - side / 2
    alpha = np.clip((side * 0.4 - np.hypot(x, y)) * 64, 0, 255) * (np.hypot(x - 8, y + 5) > 6)
    waves = np.stack([127 + 120 * np.sin(x / 9 + c) * np.cos(y / 7 - c) for c in range(3)], -1)
    rgb = waves if colour is None else np.full_like(waves, colour)
    return np.dstack([np.where(alpha[..., None] >= 1, rgb, hidden), alpha]).astype(np.uint8)


def through(folder: Path, picture: np.ndarray, *command: str | Path) -> np.ndarray:
    """The picture that a command makes of another; `-o` and a name are added."""
    (folder / "in.png").write_bytes(png(picture))
    succeeds(*command, folder / "in.png", "-o", folder / "out.png", "--force")
    return read_png((folder / "out.png").read_bytes())


def visible_difference(folder: Path, *command: str | Path) -> int:
    """The largest difference between visible pixels of three results, of pictures whose hidden pixels differ."""
    a, *others = (through(folder, disc(hidden), *command).astype(int) for hidden in (MAGENTA, GREEN, BLACK))
    visible = a[..., 3] > 0 if a.shape[-1] == 4 else np.full(a.shape[:2], True)
    assert visible.sum() > 500 and all((a[..., 3:] == b[..., 3:]).all() for b in others)
    return max(int(np.abs(a - b)[visible].max()) for b in others)


UPSCALE = ("upscale", "-m", WEIGHTS / "enhancenet.safetensors")


def ignores_hidden(folder: Path, *command: str | Path) -> str:
    assert visible_difference(folder, *command) == 0
    return "no visible pixel differs"


@kind("Colours of hidden pixels", "upscale: a disc on magenta, green or black", before="up to 255 levels apart")
def hidden_upscale(folder: Path) -> str:
    return ignores_hidden(folder, *UPSCALE)


@kind("Colours of hidden pixels", "upscale: a disc of one colour, magenta around it", before="up to 215 levels off")
def hidden_upscale_flat(folder: Path) -> str:
    colour = (200, 120, 40)
    plain = through(folder, np.full((72, 72, 3), colour, np.uint8), *UPSCALE)[100:150, 100:150]
    result = through(folder, disc(MAGENTA, colour), *UPSCALE).astype(int)
    off = int(np.abs(result[..., :3] - plain[0, 0])[result[..., 3] > 0].max())
    assert np.ptp(plain, (0, 1)).max() <= 1 and off <= 2, off
    return f"at most {off} levels from the colour"


@kind("Colours of hidden pixels", "upscale: --tile 16 and --tile 0", before="equal")
def hidden_upscale_bands(folder: Path) -> str:
    banded, whole = (through(folder, disc(MAGENTA), *UPSCALE, "--tile", rows) for rows in ("16", "0"))
    assert (banded == whole).all()
    return "equal"


@kind("Colours of hidden pixels", "pixels split --size: a disc, magenta around it", before="up to 239 levels off")
def hidden_split(folder: Path) -> str:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    (folder / "in.png").write_bytes(png(disc(MAGENTA)))
    succeeds("pixels", "split", folder / "in.png", "--grid", "1x1", "--size", "50x30", "-o", folder, "--force")
    got = read_png((folder / "in_1.png").read_bytes())
    want = np.asarray(image.fromarray(disc(MAGENTA)).resize((30, 50), image.Resampling.BICUBIC))
    most = int(np.abs(got.astype(int) - want)[got[..., 3] > 0].max())
    assert most == 0, most
    return "equal to Pillow"


@kind("Colours of hidden pixels", "segment: deeplabv3", before="up to 64 levels apart: other classes")
def hidden_deeplabv3(folder: Path) -> str:
    return ignores_hidden(folder, "segment", "-m", WEIGHTS / "deeplabv3-scenes.safetensors", "--view", "overlay")


@kind("Colours of hidden pixels", "segment: unet of three channels", before="up to 64 levels apart: other classes")
def hidden_unet(folder: Path) -> str:
    return ignores_hidden(folder, "segment", "-m", segment_weights("unet"), "--view", "overlay")


@kind("Colours of hidden pixels", "segment: unet of RGBA, --scale 1", before="up to 79 levels apart: other classes")
def hidden_unet_of_alpha(folder: Path) -> str:
    return ignores_hidden(folder, "segment", "-m", segment_weights("rgba"), "--view", "overlay", "--scale", "1")


@kind("Colours of hidden pixels", "segment: unet of one channel", before="up to 121 levels apart: other classes")
def hidden_unet_of_grey(folder: Path) -> str:
    return ignores_hidden(folder, "segment", "-m", segment_weights("grey"), "--view", "overlay")


@kind("Colours of hidden pixels", "colorize: eccv16", before="up to 109 levels apart")
def hidden_eccv16(folder: Path) -> str:
    return ignores_hidden(folder, "colorize", "-m", WEIGHTS / "eccv16-scenes.safetensors")


@kind("Colours of hidden pixels", "colorize: siggraph17", before="up to 115 levels apart")
def hidden_siggraph17(folder: Path) -> str:
    return ignores_hidden(folder, "colorize", "-m", WEIGHTS / "siggraph17-scenes.safetensors")


@kind("Colours of hidden pixels", "colorize: vae", before="up to 105 levels apart")
def hidden_vae(folder: Path) -> str:
    return ignores_hidden(folder, "colorize", "-m", WEIGHTS / "vae-scenes.safetensors")


@kind("Colours of hidden pixels", "colorize --compare: a sheet of a large picture", before="up to 92 levels apart")
def hidden_sheet(folder: Path) -> str:
    sheets = (
        through(
            folder, disc(hidden, side=600), "colorize", "-m", WEIGHTS / "eccv16-scenes.safetensors", "--compare"
        ).astype(int)
        for hidden in (MAGENTA, GREEN)
    )
    most = int(np.abs(next(sheets) - next(sheets)).max())
    assert most == 0, most
    return "equal"


# Sizes of results


def scaled(folder: Path, picture: np.ndarray, scale: str, *options: str) -> str:
    """The result at this scale against Pillow's resize of the result at 4, in visible pixels."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    large = through(folder, picture, *UPSCALE)
    height, width = (int(scale) * side for side in picture.shape[:2])
    want = np.asarray(image.fromarray(large).resize((width, height), image.Resampling.BICUBIC)).astype(int)
    got = through(folder, picture, *UPSCALE, "--scale", scale, *options)
    visible = got[..., 3] > 0 if got.shape[-1] == 4 else np.full(got.shape[:2], True)
    most = int(np.abs(got - want)[visible].max())
    assert most <= 1, most
    return f"{width} x {height}, at most {most} levels from Pillow"


@kind("Scale of the result", "upscale --scale 2, RGB of odd sides", before="unknown option")
def scale_2(folder: Path) -> str:
    return scaled(folder, np.ascontiguousarray(disc(BLACK, side=61)[:47, :, :3]), "2")


@kind("Scale of the result", "upscale --scale 3, RGBA", before="unknown option")
def scale_3(folder: Path) -> str:
    return scaled(folder, disc(MAGENTA, side=50), "3")


@kind("Scale of the result", "upscale --scale 2 --tile 12, a high and narrow picture", before="unknown option")
def scale_2_narrow(folder: Path) -> str:
    return scaled(folder, np.ascontiguousarray(disc(BLACK)[:, 30:35, :3]), "2", "--tile", "12")


@kind("Scale of the result", "upscale --scale 4", before="unknown option")
def scale_4(folder: Path) -> str:
    return scaled(folder, disc(GREEN, side=40), "4")


# Sizes at which networks compute


def computed_at(folder: Path, model: Path, height: int, width: int, *options: str) -> str:
    """Classes of a picture against those of the logits at height x width, from torchvision's recipe."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    picture = smooth(60, 80)
    small = np.asarray(image.fromarray(picture).resize((width, height), image.Resampling.BILINEAR))
    logits = run(model, ((small.astype(np.float32) / 255 - MEAN) / DEVIATION).transpose(2, 0, 1), folder)
    close_to(bilinear(logits, 60, 80), mask_of(folder, model, picture, *options))
    return f"computed at {width} x {height}"


def made_for(folder: Path, side: int) -> Path:
    """The weights of 5 classes with limn.resize."""
    tensors = {name: values.astype(np.float32) for name, values in read_weights(segment_weights("deeplabv3")).items()}
    return write_weights(folder / "made.safetensors", tensors, resize=str(side))


@kind("Working size", "deeplabv3 of 21 classes, as published", before="computed at 80 x 60")
def size_of_voc(folder: Path) -> str:
    return computed_at(folder, segment_weights("voc"), 520, 693)


@kind("Working size", "deeplabv3 with metadata limn.resize 48", before="computed at 80 x 60")
def size_of_metadata(folder: Path) -> str:
    return computed_at(folder, made_for(folder, 48), 48, 64)


@kind("Working size", "deeplabv3 of 5 classes", before="computed at 80 x 60")
def size_of_others(folder: Path) -> str:
    return computed_at(folder, segment_weights("deeplabv3"), 60, 80)


@kind("Working size", "deeplabv3 of 21 classes, --resize 0", before="refused: expected 1 to 16384")
def size_of_resize_0(folder: Path) -> str:
    return computed_at(folder, segment_weights("voc"), 60, 80, "--resize", "0")


@kind("Working size", "deeplabv3 with metadata limn.resize 48, --resize 30", before="computed at 40 x 30")
def size_of_resize_30(folder: Path) -> str:
    return computed_at(folder, made_for(folder, 48), 30, 40, "--resize", "30")


def coloured_at(folder: Path, network: str, side: int) -> str:
    """Colours of a picture with a hint, at another size of the network, against those of the plain recipe."""
    picture = np.ascontiguousarray(disc(BLACK, side=100)[:70, :, :3])
    hints: Hints = [(60, 30, *rgb2lab(np.array([[[200, 50, 50]]]))[0, 0, 1:], 4)] if network == "siggraph17" else []
    (folder / "hints.txt").write_text("60 30 #c83232 4\n")
    options = ["--hints", folder / "hints.txt"] if hints else []
    want = join(picture, network_ab(folder, network, picture, hints, side=side))
    assert_alike(colorized(folder, network, ppm(picture), "--network-size", str(side), *options), want)
    return f"equal to the recipe at {side} x {side}"


@kind("Working size", "colorize --network-size 512, eccv16", before="unknown option")
def size_of_eccv16(folder: Path) -> str:
    return coloured_at(folder, "eccv16", 512)


@kind("Working size", "colorize --network-size 384, siggraph17 with a hint", before="unknown option")
def size_of_siggraph17(folder: Path) -> str:
    return coloured_at(folder, "siggraph17", 384)


@kind("Working size", "colorize --network-size 384, vae", before="unknown option")
def size_of_vae(folder: Path) -> str:
    (folder / "in.ppm").write_bytes(ppm(disc(BLACK)[..., :3]))
    command = ["colorize", "-m", weights("vae"), "in.ppm", "-o", "out.png", "--network-size", "384"]
    assert "network size is an option of eccv16 and siggraph17; vae has one size" in fails(2, *command, cwd=folder)
    return "refused: vae has one size"


# Long runs


def announced(folder: Path, height: int, width: int, *command: str | Path) -> str:
    """The first line on stderr of a run that is then ended."""
    (folder / "in.png").write_bytes(png(np.full((height, width, 3), 90, np.uint8)))
    words = [LIMN, *command, folder / "in.png", "-o", folder / "out.png"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            line = process.stderr.readline()
        finally:
            process.terminate()
    if "out of memory" in line:
        pytest.skip("not enough memory")
    assert not (folder / "out.png").exists()
    return line.rstrip("\n")


TIME = r"about \d+(\.\d)? (s|min|h)"


@kind("Long run", "segment: deeplabv3 at 8000 x 6000 pixels", before="nothing said")
def long_deeplabv3(folder: Path) -> str:
    line = announced(folder, 6000, 8000, "segment", "-m", WEIGHTS / "deeplabv3-scenes.safetensors")
    want = rf"limn: deeplabv3 at 8000 x 6000 pixels: {TIME} and \d\.\d+ GB of memory; --resize 520 takes {TIME}"
    assert re.fullmatch(want, line), line
    return "time, memory and a faster option, before the run"


@kind("Long run", "segment: unet at 4000 x 3000 pixels", before="nothing said")
def long_unet(folder: Path) -> str:
    line = announced(folder, 3000, 4000, "segment", "-m", WEIGHTS / "unet-cells.safetensors", "--scale", "1")
    want = rf"limn: unet at 4000 x 3000 pixels: {TIME} and \d\.\d+ GB of memory; --scale 0.5 takes {TIME}"
    assert re.fullmatch(want, line), line
    return "time, memory and a faster option, before the run"


@kind("Long run", "upscale: 8000 x 6000 pixels", before="nothing said")
def long_upscale(folder: Path) -> str:
    line = announced(folder, 6000, 8000, *UPSCALE)
    assert re.fullmatch(rf"limn: enhancenet at 8000 x 6000 pixels: {TIME} and \d[.\d]* [MG]B of memory", line), line
    return "time and memory, before the run"


@kind("Long run", "colorize: 256 variants of a small picture", before="nothing said")
def short_colorize(folder: Path) -> str:
    (folder / "in.ppm").write_bytes(ppm(disc(BLACK)[..., :3]))
    command = ["colorize", "-m", weights("vae"), folder / "in.ppm", "-o", folder / "out.png", "--samples", "256"]
    assert succeeds(*command) == b""
    return "short: nothing said"
