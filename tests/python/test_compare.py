"""`limn compare` from outside, against the definitions of its figures in NumPy."""

from __future__ import annotations

import csv
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from cli_support import fails, limn, pixels, png, png_chunk, ppm, succeeds

KEYS = ["mse", "psnr", "ssim", "delta_e_2000", "colourfulness_a", "colourfulness_b"]


# The figures, each written from its paper


def ssim(x: np.ndarray, y: np.ndarray) -> float:
    def windows(picture: np.ndarray) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(picture.astype(np.float64), (7, 7), axis=(0, 1))

    a, b = windows(x), windows(y)
    ux, uy = a.mean((-1, -2)), b.mean((-1, -2))
    vx, vy = a.var((-1, -2), ddof=1), b.var((-1, -2), ddof=1)
    vxy = ((a - ux[..., None, None]) * (b - uy[..., None, None])).sum((-1, -2)) / 48
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similar = (2 * ux * uy + c1) * (2 * vxy + c2) / ((ux**2 + uy**2 + c1) * (vx + vy + c2))
    return float(similar.mean())


def lab(rgb: np.ndarray) -> np.ndarray:
    v = rgb / 255
    linear = np.where(v > 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92)
    matrix = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    t = linear @ np.array(matrix).T / [0.95047, 1, 1.08883]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def delta_e_2000(first: np.ndarray, second: np.ndarray) -> float:
    """Through complex numbers: the hue difference is an angle between them, the mean hue that of their bisector."""

    def weight(chroma: np.ndarray) -> np.ndarray:
        return np.sqrt(chroma**7 / (chroma**7 + 25.0**7))

    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0)
    stretch = 1 + 0.5 * (1 - weight((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2))
    p, q = a1 * stretch + 1j * b1, a2 * stretch + 1j * b2
    c1, c2 = np.abs(p), np.abs(q)
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    between = np.where(c1 * c2 > 0, np.angle(q * p.conj()), 0)
    hue = np.where(c1 * c2 > 0, np.angle(p) + between / 2, np.angle(p + q)) % (2 * np.pi)
    t = 1 - 0.17 * np.cos(hue - np.radians(30)) + 0.24 * np.cos(2 * hue)
    t += 0.32 * np.cos(3 * hue + np.radians(6)) - 0.20 * np.cos(4 * hue - np.radians(63))
    lightness = (l2 - l1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    chromatic = (c2 - c1) / (1 + 0.045 * chroma)
    hued = 2 * np.sqrt(c1 * c2) * np.sin(between / 2) / (1 + 0.015 * chroma * t)
    turn = np.radians(60 * np.exp(-(((np.degrees(hue) - 275) / 25) ** 2)))
    rotated = -2 * np.sin(turn) * weight(chroma) * chromatic * hued
    return float(np.sqrt(lightness**2 + chromatic**2 + hued**2 + rotated).mean())


def colourfulness(picture: np.ndarray) -> float:
    r, g, b = np.moveaxis(picture.astype(np.float64), -1, 0)
    rg, yb = r - g, (r + g) / 2 - b
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def figures(a: np.ndarray, b: np.ndarray) -> dict[str, float | None]:
    mse = float(((a.astype(np.float64) - b) ** 2).mean())
    return {
        "mse": mse,
        "psnr": 10 * np.log10(255**2 / mse) if mse else None,
        "ssim": ssim(a, b) if min(a.shape[:2]) >= 7 else None,
        "delta_e_2000": delta_e_2000(lab(a), lab(b)),
        "colourfulness_a": colourfulness(a),
        "colourfulness_b": colourfulness(b),
    }


def mask_figures(predicted: np.ndarray, truth: np.ndarray) -> tuple[dict[str, float], list[dict[str, float]]]:
    counted = truth != 255
    p, t = predicted[counted], truth[counted]
    classes = []
    for label in sorted({*p.tolist(), *t.tolist()}):
        both, in_p, in_t = ((p == label) & (t == label)).sum(), (p == label).sum(), (t == label).sum()
        ious = {"iou": both / (in_p + in_t - both), "dice": 2 * both / (in_p + in_t)}
        classes.append({"class": label, **ious, "predicted": in_p, "truth": in_t})
    means = {key: float(np.mean([one[key] for one in classes])) for key in ("iou", "dice")}
    return means | {"pixel_accuracy": float((p == t).mean())}, classes


def close(got: dict, want: dict, tolerance: float = 1e-5) -> None:
    """Delta-E is computed from Lab in float32; the rest agrees to the ten digits that are written."""
    for key, value in want.items():
        if value is None:
            assert got[key] is None, key
        else:
            assert got[key] == pytest.approx(value, rel=tolerance if key == "delta_e_2000" else 1e-9), key


# Files


def noisy(picture: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 12, picture.shape)
    return (picture + noise).round().clip(0, 255).astype(np.uint8)


def save(path: Path, picture: np.ndarray) -> Path:
    path.write_bytes(png(picture) if path.suffix == ".png" else ppm(picture))
    return path


def palette_png(indices: np.ndarray) -> bytes:
    """As VOC stores its masks."""
    palette = bytes(sum((k >> (3 * i + c) & 1) << (7 - i) for i in range(3)) for k in range(256) for c in range(3))
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    header = struct.pack(">IIBBBBB", indices.shape[1], indices.shape[0], 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def compare_json(*arguments: object) -> dict:
    return json.loads(succeeds("compare", "--json", *map(str, arguments)))


# Pictures


@pytest.mark.parametrize("size", [(7, 7), (9, 23), (40, 31), (6, 30), (1, 1)])
def test_figures(tmp_path: Path, size: tuple[int, int]) -> None:
    a = pixels(*size, seed=4)
    b = noisy(a, 5)
    report = compare_json(save(tmp_path / "a.png", a), save(tmp_path / "b.ppm", b))
    (pair,) = report["pairs"]
    assert list(pair) == ["a", "b", *KEYS]
    assert (pair["a"], pair["b"]) == (str(tmp_path / "a.png"), str(tmp_path / "b.ppm"))
    close(pair, figures(a, b))
    assert report["mean"] == {key: pair[key] for key in KEYS}


def test_equal_pictures(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", pixels(12, 9))
    (pair,) = compare_json(path, path)["pairs"]
    assert (pair["mse"], pair["psnr"], pair["delta_e_2000"]) == (0, None, 0)
    assert pair["ssim"] == pytest.approx(1)
    text = succeeds("compare", path, path).decode()
    assert text.splitlines()[1].split()[:4] == ["0.0000", "inf", "1.0000", "0.0000"]
    rows = list(csv.DictReader(io.StringIO(succeeds("compare", "--csv", path, path).decode())))
    assert [row["psnr"] for row in rows] == ["inf"]


def test_grey_is_equal_channels(tmp_path: Path) -> None:
    grey, colour = pixels(10, 11, channels=1), pixels(10, 11, seed=8)
    tripled = grey.repeat(3, axis=2)
    (pair,) = compare_json(save(tmp_path / "grey.png", grey), save(tmp_path / "colour.png", colour))["pairs"]
    close(pair, figures(tripled, colour))
    assert pair["colourfulness_a"] == 0


def test_alpha_does_not_count(tmp_path: Path) -> None:
    a, b = pixels(8, 9, channels=4), pixels(8, 9, seed=2)
    (pair,) = compare_json(save(tmp_path / "a.png", a), save(tmp_path / "b.png", b))["pairs"]
    close(pair, figures(a[..., :3], b))


def test_standard_input(tmp_path: Path) -> None:
    a, b = pixels(8, 9), pixels(8, 9, seed=2)
    output = succeeds("compare", "--json", "-", save(tmp_path / "b.png", b), input=ppm(a))
    close(json.loads(output)["pairs"][0], figures(a, b))
    assert "standard input" in fails(2, "compare", "-", "-")


def test_sizes_that_differ(tmp_path: Path) -> None:
    a, b = save(tmp_path / "a.png", pixels(4, 5)), save(tmp_path / "b.png", pixels(5, 4))
    message = fails(4, "compare", a, b)
    assert f"{a} has 5 x 4 pixels, {b} 4 x 5" in message


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "0 given"),
        (["a.png"], "1 given"),
        (["a.png", "a.png", "a.png"], "3 given"),
        (["a.png", "folder"], "folder is a folder and a.png is not"),
        (["folder", "a.png"], "folder is a folder and a.png is not"),
        (["--json", "--csv", "a.png", "a.png"], "cannot be used together"),
    ],
)
def test_usage(tmp_path: Path, arguments: list[str], part: str) -> None:
    save(tmp_path / "a.png", pixels(8, 8))
    (tmp_path / "folder").mkdir()
    assert part in fails(2, "compare", *arguments, cwd=tmp_path)


def test_unreadable(tmp_path: Path) -> None:
    good, bad = save(tmp_path / "a.png", pixels(8, 8)), tmp_path / "b.png"
    bad.write_bytes(b"no picture")
    for pair in ((good, bad), (bad, good), (good, tmp_path / "absent.png")):
        done = limn("compare", "--json", *pair)
        assert (done.returncode, done.stdout) == (4, b"")


# Folders


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for seed, name in enumerate(("x_10", "x_9", 'quo"te, d')):
        picture = pixels(8 + seed, 9, seed=seed)
        save(tmp_path / "a" / f"{name}.png", picture)
        save(tmp_path / "b" / f"{name}.ppm", noisy(picture, seed))
    (tmp_path / "a" / "notes.txt").write_text("not a picture")
    return tmp_path / "a", tmp_path / "b"


def test_folders(folders: tuple[Path, Path]) -> None:
    a, b = folders
    report = compare_json(a, b)
    assert [Path(pair["a"]).name for pair in report["pairs"]] == ['quo"te, d.png', "x_9.png", "x_10.png"]
    for pair in report["pairs"]:
        assert Path(pair["b"]) == b / (Path(pair["a"]).stem + ".ppm")
    for key in KEYS:
        assert report["mean"][key] == pytest.approx(np.mean([pair[key] for pair in report["pairs"]]))
    rows = list(csv.DictReader(io.StringIO(succeeds("compare", "--csv", a, b).decode())))
    assert [row["a"] for row in rows] == [pair["a"] for pair in report["pairs"]] + ["mean"]
    for row, pair in zip(rows, [*report["pairs"], report["mean"]], strict=True):
        assert [float(row[key]) for key in KEYS] == [pair[key] for key in KEYS]
    lines = succeeds("compare", a, b).decode().splitlines()
    assert len(lines) == 5 and lines[-1].split()[-1] == "mean"


def test_one_bad_pair_of_several(folders: tuple[Path, Path]) -> None:
    a, b = folders
    (b / "x_9.ppm").write_bytes(ppm(pixels(3, 3)))
    save(a / "alone.png", pixels(8, 8))
    save(b / "other.png", pixels(8, 8))
    done = limn("compare", "--json", a, b)
    assert done.returncode == 1
    assert len(json.loads(done.stdout)["pairs"]) == 2
    message = done.stderr.decode()
    assert f"1 of 4 pictures in {b} have no counterpart" in message
    assert "x_9.png" in message and f"alone.png: no picture of this name in {b}" in message
    assert message.endswith("limn: 2 of 4 pairs failed\n")


def test_two_partners(folders: tuple[Path, Path]) -> None:
    a, b = folders
    save(b / "x_9.png", pixels(9, 9))
    done = limn("compare", a, b)
    assert done.returncode == 1 and b"both x_9.png and x_9.ppm" in done.stderr


def test_stems_that_begin_alike(tmp_path: Path) -> None:
    """Each finds its own among names that are the beginnings of others, or that an extension orders differently."""
    stems = ["a", "a.b", "a.b.c", "a-b", "a!", "ab", "aa", "A", "x/a", "x/a.b", "x.a", "ä", "a 1", "a 10"]
    for side, extensions in (("p", (".ppm", ".png")), ("q", (".png", ".ppm", ".ppm"))):
        for number, stem in enumerate(stems):
            path = tmp_path / side / (stem + extensions[number % len(extensions)])
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path, pixels(2, 2))
    pairs = compare_json("-r", tmp_path / "p", tmp_path / "q")["pairs"]
    found = [[str(Path(pair[key]).relative_to(tmp_path / side).with_suffix("")) for key, side in ("ap", "bq")] for pair in pairs]
    assert sorted(a for a, _ in found) == sorted(stems) and all(a == b for a, b in found)


def test_folder_without_pictures(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no pictures" in fails(4, "compare", folders[0], tmp_path / "empty")


# Masks


def labels(height: int, width: int, choices: list[int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array(choices, np.uint8), (height, width))


def test_masks(tmp_path: Path) -> None:
    predicted, truth = labels(11, 13, [0, 3, 7, 20], 1), labels(11, 13, [0, 3, 15, 255], 2)
    a, b = save(tmp_path / "a.png", predicted[..., None]), tmp_path / "b.png"
    b.write_bytes(palette_png(truth))
    report = compare_json("--masks", a, b)
    means, classes = mask_figures(predicted, truth)
    (pair,) = report["pairs"]
    assert list(pair) == ["prediction", "truth", "iou", "dice", "pixel_accuracy", "classes"]
    for got in (pair, report["mean"], report["pooled"]):
        close(got, means)
    for got, want in zip(pair["classes"], classes, strict=True):
        close(got, want)
    rows = list(csv.DictReader(io.StringIO(succeeds("compare", "--masks", "--csv", a, b).decode())))
    assert [row["class"] for row in rows] == ["mean", "0", "3", "7", "15", "20"]
    assert float(rows[2]["iou"]) == pair["classes"][1]["iou"] and rows[2]["pixel_accuracy"] == ""
    text = succeeds("compare", "--masks", a, b).decode().splitlines()
    assert [float(number) for number in text[1].split()[:3]] == pytest.approx(list(means.values()), abs=5e-5)
    assert len(text) == 4 + len(classes)


def test_black_and_white_masks(tmp_path: Path) -> None:
    predicted, truth = labels(9, 8, [0, 255], 1), labels(9, 8, [0, 1], 2)
    a, b = save(tmp_path / "a.png", predicted[..., None].repeat(3, 2)), save(tmp_path / "b.png", truth[..., None])
    close(compare_json("--masks", a, b)["mean"], mask_figures(predicted // 255, truth)[0])


def test_ignored_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(palette_png(np.full((3, 4), 255, np.uint8)))
    report = compare_json("--masks", path, path)
    assert report["mean"] == {"iou": None, "dice": None, "pixel_accuracy": None}
    assert report["pairs"][0]["classes"] == []


def test_mask_folders(tmp_path: Path) -> None:
    masks = [(labels(7, 9, [0, 1, 2], seed), labels(7, 9, [0, 2, 255], seed + 5)) for seed in range(3)]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for i, (predicted, truth) in enumerate(masks):
        (tmp_path / "a" / f"{i}.png").write_bytes(palette_png(predicted))
        (tmp_path / "b" / f"{i}.png").write_bytes(palette_png(truth))
    report = compare_json("--masks", tmp_path / "a", tmp_path / "b")
    each = [mask_figures(*pair)[0] for pair in masks]
    for pair, want in zip(report["pairs"], each, strict=True):
        close(pair, want)
    close(report["mean"], {key: float(np.mean([one[key] for one in each])) for key in each[0]})
    close(report["pooled"], mask_figures(*(np.concatenate(side) for side in zip(*masks, strict=True)))[0])
    text = succeeds("compare", "--masks", "--csv", tmp_path / "a", tmp_path / "b").decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert [row[0] for row in rows[-5:]] == ["mean", "pooled", "pooled", "pooled", "pooled"]
    assert {len(row) for row in rows} == {6}


def test_masks_that_are_refused(tmp_path: Path) -> None:
    good = save(tmp_path / "good.png", labels(2, 3, [0, 1], 1)[..., None])
    foreign = save(tmp_path / "foreign.png", np.full((2, 3, 3), (1, 2, 3), np.uint8))
    assert "#010203" in fails(4, "compare", "--masks", foreign, good)
    wide = save(tmp_path / "wide.png", np.zeros((2, 3, 3), np.uint16))
    assert "16-bit colours" in fails(4, "compare", "--masks", good, wide)
    instances = save(tmp_path / "instances.png", np.full((2, 3, 1), 1001, np.uint16))
    message = fails(4, "compare", "--masks", good, instances)
    assert "labels up to 1001" in message and "(use --binary to count all labels above 0 as one class)" in message
    assert "--binary requires --masks" in fails(2, "compare", "--binary", good, good)


def pgm(levels: np.ndarray, most: int) -> bytes:
    return b"P5 %d %d %d\n" % (levels.shape[1], levels.shape[0], most) + levels.astype(">u2").tobytes()


def test_masks_of_16_bits(tmp_path: Path) -> None:
    """Levels are classes as they are stored, whatever the file: PNG, with alpha, with a transparent level, PGM."""
    predicted, truth = labels(9, 8, [0, 1, 7, 20], 1), labels(9, 8, [0, 1, 20, 255], 2)
    a, b = save(tmp_path / "a.png", predicted[..., None]), tmp_path / "b.png"
    wide = truth.astype(np.uint16)[..., None]
    alpha = np.concatenate([wide, pixels(9, 8, 1).astype(np.uint16) * 200], 2)
    for data in (png(wide), png(alpha), png(wide, png_chunk(b"tRNS", b"\0\x14")), pgm(truth, 65535), pgm(truth, 256)):
        b.write_bytes(data)
        close(compare_json("--masks", a, b)["mean"], mask_figures(predicted, truth)[0])


def test_binary_masks(tmp_path: Path) -> None:
    predicted, truth = labels(9, 8, [0, 1], 1), labels(9, 8, [0, 3, 255], 2)
    a, b = save(tmp_path / "a.png", predicted[..., None]), tmp_path / "b.png"
    want = mask_figures(predicted, (truth > 0).astype(np.uint8))[0]
    instances = truth.astype(np.uint16) * 200 + (truth > 0)
    for data in (png(truth[..., None]), palette_png(truth), png(instances[..., None]), pgm(instances, 65535)):
        b.write_bytes(data)
        report = compare_json("--masks", "--binary", a, b)
        close(report["mean"], want)
        assert [row["class"] for row in report["pooled"]["classes"]] == [0, 1]
