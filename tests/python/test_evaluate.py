"""tools/evaluate.py on small folders whose figures are known, with a program in place of limn; and once with limn."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cli_support import LIMN, ROOT, WEIGHTS  # which makes tools/ known, too

np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")
color = pytest.importorskip("skimage.color")

import evaluate  # noqa: E402  (tools/ is known through cli_support, and needs Pillow)

# In place of limn: as the result of PICTURE, the file results/PICTURE beside the pictures.
STAND_IN = f"""#!{sys.executable}
import pathlib, shutil, sys
words = sys.argv[1:]
pictures = [pathlib.Path(word) for word in words if word.endswith(".png")]
output = pathlib.Path(words[words.index("-o") + 1])
output.mkdir(exist_ok=True)
for picture in pictures:
    shutil.copy(pathlib.Path(__file__).parent / "results" / picture.name, output / picture.name)
(pathlib.Path(__file__).parent / "words").write_text(" ".join(words[:4] + words[-3:]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("pictures", "results", "truth"):
        (tmp_path / name).mkdir()
    (tmp_path / "limn").write_text(STAND_IN)
    (tmp_path / "limn").chmod(0o755)
    return tmp_path


def save(folder: Path, place: str, name: str, pixels: object, mode: str | None = None) -> None:
    image = Image.fromarray(np.array(pixels, np.uint16 if mode == "I;16" else np.uint8))
    image.save(folder / place / f"{name}.png")


def evaluated(folder: Path, capsys: pytest.CaptureFixture[str], command: str, *options: str | Path) -> tuple[dict, str]:
    """The figures of the model "mine", and what is printed."""
    words = [command, "-m", "mine", "--limn", str(folder / "limn"), "--json", str(folder / "out.json")]
    code = evaluate.main([*words, str(folder / "pictures"), *map(str, options)])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return json.loads((folder / "out.json").read_text())["mine"], out


def test_segmentation(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two pictures of four pixels; one pixel of the truth is not counted."""
    for name, found, true in (("a", [[0, 0], [1, 1]], [[0, 1], [1, 1]]), ("b", [[2, 2], [0, 0]], [[2, 2], [0, 255]])):
        save(folder, "pictures", name, np.zeros((2, 2, 3)))
        save(folder, "results", name, np.dstack([found] * 3))
        save(folder, "truth", name, true)
    figures, out = evaluated(folder, capsys, "segment", "--truth", folder / "truth", "--", "--scale", "1")
    assert figures["pictures"] == 2
    assert figures["classes"] == {
        label: dict(zip(("dice", "iou", "mean_dice", "pictures"), map(pytest.approx, row), strict=True))
        for label, *row in (("0", 0.8, 2 / 3, 5 / 6, 2), ("1", 0.8, 2 / 3, 0.8, 1), ("2", 1, 1, 1, 1))
    }
    assert "| 0 | 0.800 | 0.667 | 0.833 (2) |\n" in out and "| mean of classes | 0.867 | 0.778 | 0.878 |\n" in out
    assert (folder / "words").read_text().startswith("segment -m mine --view")


def test_segmentation_of_one_class(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers of instances, more than 255 of them, and a mask of black and white."""
    save(folder, "pictures", "a", np.zeros((2, 3, 3)))
    save(folder, "results", "a", [[255, 255, 0], [0, 0, 255]])
    save(folder, "truth", "a", [[1, 300, 0], [0, 2, 0]], "I;16")
    figures, _ = evaluated(folder, capsys, "segment", "--truth", folder / "truth", "--binary")
    assert figures["classes"]["1"]["dice"] == pytest.approx(2 * 2 / (3 + 3))
    assert figures["classes"]["1"]["iou"] == pytest.approx(2 / 4)
    assert failed(folder, capsys, "segment", "--truth", folder / "truth").endswith("add --binary\n")


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(50, 200, (height, width, 3), np.uint8)


def test_upscaling(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every value is off by 5 inside, so that PSNR is 20 log10(255 / 5); the border does not count."""
    true = noise(43, 50)
    found = true[:40, :48] + np.uint8(5)
    found[:4] = found[-4:] = found[:, :4] = found[:, -4:] = 0
    save(folder, "pictures", "a", true)
    save(folder, "results", "a", found)
    figures, out = evaluated(folder, capsys, "upscale")
    assert figures["mean"]["limn"]["psnr"] == pytest.approx(20 * np.log10(51))
    assert 0.9 < figures["mean"]["limn"]["ssim"] < 1
    assert figures["mean"]["bicubic"]["psnr"] < 20 and "| mean of 1 | 34.15 | " in out


def test_upscaling_of_given_pictures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of one grey, which bicubic enlarges without an error."""
    save(folder, "pictures", "a_HR", np.full((40, 44, 3), 100))
    save(folder, "results", "a_HR", np.full((40, 44, 3), 98))
    save(folder, "truth", "a_LR", np.full((10, 11, 3), 101))
    figures, _ = evaluated(folder, capsys, "upscale", "--small", folder / "truth")
    assert figures["mean"]["bicubic"]["psnr"] == pytest.approx(20 * np.log10(255))
    assert figures["mean"]["limn"]["psnr"] == pytest.approx(20 * np.log10(255 / 2))
    save(folder, "truth", "a_LR", np.full((10, 10, 3), 101))
    line = failed(folder, capsys, "upscale", "--small", folder / "truth")
    assert "a_HR.png: 44 x 40 pixels; 4 times its small picture, 40 x 40, expected" in line


def test_colorization(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of one red: the error of grey is that of its chroma alone."""
    save(folder, "pictures", "a", np.full((20, 20, 3), (200, 100, 100)))
    weights, output = ROOT / "tests/goldens/eccv16.safetensors", folder / "out.json"
    words = ["colorize", "-m", str(weights), "--limn", LIMN, "--json", str(output), str(folder / "pictures")]
    assert evaluate.main(words) == 0
    rows = json.loads(output.read_text())[str(weights)]["without_hints"]
    (red,) = color.rgb2lab(np.uint8([[[200, 100, 100]]]))[0]
    assert rows["grey"]["delta_e"] == pytest.approx(color.deltaE_ciede2000(red, red * (1, 0, 0)), abs=0.1)
    assert rows["grey"]["colourfulness"] == pytest.approx(0, abs=0.01)
    assert f"| grey | {rows['grey']['delta_e']:.2f} | 0.00 |" in capsys.readouterr().out


def failed(folder: Path, capsys: pytest.CaptureFixture[str], command: str, *options: str | Path) -> str:
    words = [command, "-m", "mine", "--limn", str(folder / "limn"), str(folder / "pictures"), *map(str, options)]
    assert evaluate.main(words) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("evaluate: ") and err.count("\n") == 1
    return err


def test_what_cannot_be_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "pictures: no pictures in this folder" in failed(folder, capsys, "upscale")
    save(folder, "pictures", "a", noise(40, 40))
    line = failed(folder, capsys, "upscale", "--small", folder / "nowhere")
    assert "nowhere/a.png: No such file or directory" in line
    (folder / "limn").unlink()
    assert "limn: No such file or directory" in failed(folder, capsys, "upscale")
    (folder / "pictures/a.jpg").touch()
    assert "a: the name of two pictures" in failed(folder, capsys, "upscale")


def test_limn_itself(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder, "pictures", "a", noise(40, 40))
    (folder / "limn").unlink()
    (folder / "limn").symlink_to(LIMN)
    assert failed(folder, capsys, "upscale").startswith("evaluate: no weights called mine: ")
    words = ["upscale", "-m", str(WEIGHTS), "--limn", LIMN, str(folder / "pictures")]
    assert evaluate.main(words) == 0
    assert capsys.readouterr().out.startswith(f"## {WEIGHTS}\n\n| picture | PSNR, dB |")
    assert (ROOT / "Makefile").read_text().count("tools/evaluate.py") == 1
