"""tools/evaluation/colour.py: measures and yardsticks on pictures whose values are known, and a run of limn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, ROOT  # which makes tools/ known, too

color = pytest.importorskip("skimage.color")
Image = pytest.importorskip("PIL.Image")

from evaluation import colour  # noqa: E402

BLUE, RED = (40, 70, 200), (200, 60, 50)


def drawing() -> np.ndarray:
    """A blue disc and a red square on grey, with a little noise in the lightness."""
    y, x = np.mgrid[0:120, 0:160]
    rgb = np.full((120, 160, 3), 130)
    rgb[np.hypot(y - 60, x - 45) < 35] = BLUE
    rgb[30:90, 100:150] = RED
    return (rgb + np.random.default_rng(1).integers(-2, 3, (120, 160, 1))).astype(np.uint8)


def picture() -> colour.Picture:
    rgb = drawing()
    return colour.Picture(Path("none"), rgb, color.rgb2lab(rgb))


class Painter(colour.Colorizer):
    """Gives each hint's square, or all pixels within `reach` of it and of its true colour, the true colours."""

    def __init__(self, reach: float) -> None:
        self.reach = reach

    def hinted(self, picture: colour.Picture, hints: list[colour.Hint]) -> np.ndarray:
        result = colour.painted(picture.lab, (0, 0))
        y, x = np.mgrid[0 : result.shape[0], 0 : result.shape[1]]
        for hint in hints:
            alike = np.hypot(*np.moveaxis(picture.lab[..., 1:] - hint.ab, 2, 0)) < 20
            where = alike & (np.hypot(y - hint.y, x - hint.x) < self.reach)
            where[hint.square] = True
            result[where] = picture.rgb[where]
        return result


def test_measures() -> None:
    """Values by hand, and scikit-image's for Delta-E."""
    lab = picture().lab
    assert colour.psnr_ab(lab[..., 1:] + 22, lab) == pytest.approx(20)
    assert colour.delta_e(picture().rgb, lab).max() == 0
    grey = colour.painted(lab, (0, 0))
    assert np.ptp(grey.astype(int), axis=2).max() <= 1 and np.abs(color.rgb2lab(grey)[..., 0] - lab[..., 0]).max() < 0.5
    two = np.zeros((1, 2, 3), np.uint8)
    two[0, 0, 0] = 200  # red and black: rg is 200 and 0, yb 100 and 0
    assert colour.colourfulness(two) == pytest.approx(np.hypot(100, 50) + 0.3 * np.hypot(100, 50))


def test_hints() -> None:
    lab = picture().lab
    hints = colour.drawn_hints(lab, 50, np.random.default_rng(2))
    assert hints == colour.drawn_hints(lab, 50, np.random.default_rng(2)) != colour.drawn_hints(
        lab, 50, np.random.default_rng(3)
    )
    for hint in hints:
        assert 3 <= hint.y < 117 and 3 <= hint.x < 157
        np.testing.assert_allclose(hint.ab, lab[hint.square][..., 1:].mean((0, 1)), atol=2)
    middle = colour.hint_at(lab, 60, 45)
    assert np.abs(np.subtract(middle.rgb, BLUE)).max() <= 3
    np.testing.assert_allclose(colour.flat(lab, [middle]), np.broadcast_to(middle.ab, (120, 160, 2)))
    assert not colour.grey(lab, hints).any()


def test_levin_solves_his_equations() -> None:
    """Every pixel without a hint has the weighted mean of its neighbours, computed with plain loops."""
    lab = picture().lab[50:72, 5:35]
    hints = [colour.hint_at(lab, 5, 5), colour.hint_at(lab, 16, 25)]
    found, light = colour.levin(lab, hints), np.pad(lab[..., 0] / 100, 1, mode="edge")
    held = np.zeros(lab.shape[:2], bool)
    for hint in hints:
        held[hint.square] = True
        np.testing.assert_allclose(found[hint.square], np.broadcast_to(hint.ab, (5, 5, 2)))
    for y, x in np.argwhere(~held):
        window = light[y : y + 3, x : x + 3]
        weights = np.exp(-((window - window[1, 1]) ** 2) / max(0.6 * window.var(), 2e-6)).clip(1e-6)
        weights[1, 1] = 0
        total, mean = 0.0, np.zeros(2)
        for dy, dx in np.ndindex(3, 3):
            ny, nx = y + dy - 1, x + dx - 1
            if 0 <= ny < lab.shape[0] and 0 <= nx < lab.shape[1]:
                total, mean = total + weights[dy, dx], mean + weights[dy, dx] * found[ny, nx]
        np.testing.assert_allclose(found[y, x], mean / total, atol=1e-8)


def test_regions_are_of_one_colour() -> None:
    regions = colour.regions_of(picture().lab)
    assert len(regions) == 2  # grey has no colour
    y, x = np.mgrid[0:120, 0:160]
    for where, hint in regions:
        disc = drawing()[hint.y, hint.x, 2] > 150
        true = np.hypot(y - 60, x - 45) < 35 if disc else (abs(y - 60) <= 30) & (abs(x - 125) <= 25)
        assert (where & true).sum() > 0.7 * true.sum() and not (where & ~true).any() and where[hint.square].all()
        assert np.hypot(hint.y - 60, hint.x - 45) < 5 or not disc


@pytest.mark.parametrize(("reach", "halved"), [(1000, 1), (0, 0)])
def test_spreading(reach: float, halved: float) -> None:
    """Hints that fill their region, and hints that colour their square alone."""
    found = colour.spreading(Painter(reach), [picture()])
    assert (found["regions"], found["halved"]) == (2, halved)
    (before, after), (rest_before, rest_after) = found["delta_e"]["region"], found["delta_e"]["rest"]
    assert before > 20 and rest_after <= rest_before
    assert after < 1 if halved else after == before


def test_more_hints_are_better() -> None:
    found = colour.with_hints(Painter(30), [picture()])
    assert found["10"]["limn"] < found["30"]["limn"] < found["100"]["limn"]
    assert all(set(row) == {"limn", "Levin", "flat", "grey"} for row in found.values())
    assert found["100"]["Levin"] > found["100"]["flat"] > found["100"]["grey"]


def test_limn_itself(tmp_path: Path) -> None:
    """Sizes, yardsticks and tables; the colours are those of `limn colorize`."""
    Image.fromarray(drawing()).resize((800, 600)).save(tmp_path / "a.png")
    Image.new("RGB", (40, 30), (99, 99, 99)).save(tmp_path / "grey.png")
    paths = [tmp_path / "grey.png", tmp_path / "a.png"]
    found = colour.measure(LIMN, str(ROOT / "tests/goldens/siggraph17.safetensors"), paths, ["-t", "1"])
    rows = found["without_hints"]
    assert (found["pictures"], found["grey_pictures"]) == (1, 1)
    assert rows["grey"]["colourfulness"] < 0.02 < rows["tint"]["colourfulness"]
    assert rows["limn, saturation 0.5"]["colourfulness"] < rows["limn, saturation 2"]["colourfulness"]
    text = colour.markdown(found)
    assert "| Levin |" in text and "One hint in each of 2 regions" in text
    plain = colour.measure(LIMN, str(ROOT / "tests/goldens/eccv16.safetensors"), [tmp_path / "a.png"])
    assert "hints" not in plain and "Levin" not in colour.markdown(plain)
