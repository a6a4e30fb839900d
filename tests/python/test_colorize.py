"""limn colorize from outside: against a NumPy version of everything around the network, which `limn run` computes."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from checkpoint_files import read_safetensors, safetensors
from cli_support import fails, limn, pixels, png, png_chunk, ppm, read_png, read_weights, succeeds
from colorize_reference import join, noise, rgb2lab
from colorize_support import GOLDENS, assert_alike, colorized, latent_length, network_ab, smooth, weights

NETWORKS = ("eccv16", "siggraph17", "siggraph17-centred-mask", "vae", "vae-half-pixel")
SIZES = ((1, 1), (3, 500), (500, 3), (37, 61), (256, 256), (300, 201))


# Against the reference


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("size", SIZES)
def test_pipeline(tmp_path: Path, network: str, size: tuple[int, int]) -> None:
    picture = smooth(*size)
    want = join(picture, network_ab(tmp_path, network, picture))
    assert_alike(colorized(tmp_path, network, ppm(picture)), want, f"{network} {size}")


@pytest.mark.parametrize("network", ["eccv16", "vae"])
def test_noisy_picture(tmp_path: Path, network: str) -> None:
    picture = pixels(90, 130)
    want = join(picture, network_ab(tmp_path, network, picture))
    assert_alike(colorized(tmp_path, network, ppm(picture)), want)


def test_tint(tmp_path: Path) -> None:
    picture = smooth(40, 50)
    ab = network_ab(tmp_path, "siggraph17", picture)
    for saturation, temperature in ((0.5, 0), (1, 12), (2, -30), (0, 6)):
        got = colorized(
            tmp_path, "siggraph17", ppm(picture), f"--saturation={saturation}", f"--temperature={temperature}"
        )
        assert_alike(got, join(picture, ab, saturation, temperature), f"{saturation} {temperature}")


def test_no_saturation_is_grey(tmp_path: Path) -> None:
    got = colorized(tmp_path, "eccv16", ppm(pixels(40, 50)), "--saturation", "0").astype(int)
    assert np.ptp(got, axis=-1).max() <= 1  # scikit-image's rounded white is not exactly R = G = B


def test_lightness_stays(tmp_path: Path) -> None:
    """With little colour nothing is clipped: the L of the result is that of the picture, within its 8 bits."""
    picture = smooth(60, 80)
    got = colorized(tmp_path, "eccv16", ppm(picture), "--saturation", "0.1")
    assert np.abs(rgb2lab(got)[..., 0] - rgb2lab(picture)[..., 0]).max() < 0.5


def test_own_colours_matter_only_by_lightness(tmp_path: Path) -> None:
    grey = smooth(50, 70, 1)
    from_grey = colorized(tmp_path, "siggraph17", png(grey))
    assert from_grey.shape == (50, 70, 3)
    assert (from_grey == colorized(tmp_path, "siggraph17", ppm(grey.repeat(3, axis=2)))).all()


def test_alpha_and_16_bits(tmp_path: Path) -> None:
    picture = smooth(33, 45, 4)
    got = colorized(tmp_path, "eccv16", png(picture))
    assert (got[..., 3] == picture[..., 3]).all()
    assert (got[..., :3] == colorized(tmp_path, "eccv16", ppm(picture[..., :3]))).all()
    deep = picture[..., :3].astype(np.uint16) * 257
    assert (colorized(tmp_path, "eccv16", png(deep), "--quiet") == got[..., :3]).all()


def test_threads_do_not_matter(tmp_path: Path) -> None:
    data = ppm(smooth(120, 90))
    one, two = (colorized(tmp_path, "siggraph17", data, "-t", threads) for threads in "12")
    assert (one == two).all()


# Hints

RED, BLUE = rgb2lab(np.array([[[200, 50, 50], [30, 60, 250]]]))[0, :, 1:]


@pytest.mark.parametrize("network", ["siggraph17", "siggraph17-centred-mask"])
@pytest.mark.parametrize("size", [(37, 61), (300, 450)])
def test_hints(tmp_path: Path, network: str, size: tuple[int, int]) -> None:
    picture = smooth(*size)
    hints = [(5, 7, *RED, 2), (30, 20, *BLUE, 12), (33, 22, *RED, 0), (60, 36, 10.5, -60.25, 3)]
    text, listed = tmp_path / "hints.txt", tmp_path / "hints.json"
    text.write_text("# hints\n5 7 #c83232\n\n30\t20 #1E3cFA 12\r\n33 22 #c83232 0\n")
    colours: list[dict] = [{"color": "#c83232"}, {"color": "#1E3cFA"}, {"color": "#c83232"}, {"a": 10.5, "b": -60.25}]
    rows = [{"x": x, "y": y, "radius": radius} | c for (x, y, _, _, radius), c in zip(hints, colours, strict=True)]
    listed.write_text(json.dumps(rows))
    for file, used in ((text, hints[:3]), (listed, hints)):
        want = join(picture, network_ab(tmp_path, network, picture, used))
        assert_alike(colorized(tmp_path, network, ppm(picture), "--hints", file), want, file.name)


def spread(lightness: np.ndarray, planes: np.ndarray) -> np.ndarray:
    torch = pytest.importorskip("torch")
    from training.spread import spread as torch_spread

    light, hints = (torch.from_numpy(x[None].astype(np.float32)) for x in (lightness, planes))
    return torch_spread(light, hints[:, :2], hints[:, 2:])[0].numpy()


@pytest.mark.parametrize("size", [(256, 256), (90, 130), (300, 40)])
def test_hints_that_spread(tmp_path: Path, size: tuple[int, int]) -> None:
    """Against PyTorch, for a picture of smooth and one of sharp edges."""
    height, width = size
    hints = [(width // 5, height // 2, *RED, 2), (width - 9, 3, *BLUE, 5), (width // 2, height - 1, *RED, 0)]
    file = tmp_path / "hints.txt"
    file.write_text("".join(f"{x} {y} {'#c83232' if a == RED[0] else '#1E3cFA'} {r}\n" for x, y, a, _, r in hints))
    blocks = np.kron(pixels(5, 5), np.ones((height // 5 + 1, width // 5 + 1, 1), np.uint8))[:height, :width]
    for picture in (smooth(height, width), blocks):
        want = join(picture, network_ab(tmp_path, "siggraph17", picture, hints, spread=spread))
        got = colorized(tmp_path, "siggraph17", ppm(picture), "--hints", file, "--spread", "on")
        assert_alike(got, want)
        assert (got != colorized(tmp_path, "siggraph17", ppm(picture), "--hints", file)).any()


def test_weights_say_whether_hints_spread(tmp_path: Path) -> None:
    """--spread overrides their metadata; without hints nothing changes."""
    picture, file = ppm(smooth(60, 80)), tmp_path / "hints.txt"
    file.write_text("50 20 #c83232\n")
    tensors, metadata, _ = read_safetensors(weights("siggraph17").read_bytes())
    made, output = tmp_path / "made.safetensors", tmp_path / "out.png"

    def result(value: str, *options: str | Path) -> bytes:
        made.write_bytes(safetensors(tensors, metadata | ({"limn.spread_hints": value} if value else {})))
        (tmp_path / "in.ppm").write_bytes(picture)
        succeeds("colorize", "-m", made, tmp_path / "in.ppm", "-o", output, "--force", "--strip", *options)
        return output.read_bytes()

    on, off = result("true", "--hints", file), result("", "--hints", file)
    assert on != off and result("false", "--hints", file) == off
    assert result("", "--hints", file, "--spread", "on") == on
    assert result("true", "--hints", file, "--spread=off") == off
    assert result("true") == result("false")
    made.write_bytes(safetensors(tensors, metadata | {"limn.spread_hints": "1"}))
    line = fails(3, "colorize", "-m", made, tmp_path / "in.ppm", "-o", tmp_path / "no.png")
    assert 'made.safetensors: metadata limn.spread_hints is "1"; expected true or false' in line
    line = fails(2, "colorize", "-m", weights("eccv16"), tmp_path / "in.ppm", "-o", output, "--spread", "on", "-f")
    assert "spread is an option of siggraph17; eccv16 takes no hints" in line


@pytest.mark.parametrize("side", [64, 136, 384, 1024])
@pytest.mark.parametrize("network", ["eccv16", "siggraph17"])
def test_network_size(tmp_path: Path, network: str, side: int) -> None:
    picture, file, options = smooth(150, 230), tmp_path / "hints.txt", ["--network-size", str(side)]
    hints: list[tuple[int, int, float, float, int]] = []
    if network == "siggraph17":
        hints = [(50, 70, *RED, 2), (130, 20, *BLUE, 12), (229, 149, *RED, 0)]
        file.write_text("50 70 #c83232\n130 20 #1E3cFA 12\n229 149 #c83232 0\n")
        options += ["--hints", str(file)]
    want = join(picture, network_ab(tmp_path, network, picture, hints, side=side))
    got = colorized(tmp_path, network, ppm(picture), *options)
    assert_alike(got, want)
    assert (got != colorized(tmp_path, network, ppm(picture), *options[2:])).any()


def test_network_size_on_a_sheet(tmp_path: Path) -> None:
    """Networks that have one size keep it."""
    data, models = ppm(smooth(40, 60)), f"{weights('eccv16')},{weights('vae')}"
    (tmp_path / "in.ppm").write_bytes(data)
    command = ["colorize", "-m", models, "--compare", tmp_path / "in.ppm", "-o"]
    succeeds(*command, tmp_path / "a.png", "--network-size", "72")
    succeeds(*command, tmp_path / "b.png")
    a, b = (read_png((tmp_path / name).read_bytes()) for name in ("a.png", "b.png"))
    cell = a.shape[1] // 4
    assert (a[:, 2 * cell : 3 * cell] != b[:, 2 * cell : 3 * cell]).any()
    assert (a[:, 3 * cell :] == b[:, 3 * cell :]).all()


def test_network_sizes_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(20, 30)))
    for network, side, message in (
        ("eccv16", "100", "network size 100: expected a multiple of 8 from 64 to 1024"),
        ("eccv16", "56", "--network-size 56: expected a whole number from 64 to 1024"),
        ("siggraph17", "1032", "--network-size 1032: expected a whole number from 64 to 1024"),
        ("vae", "128", "network size is an option of eccv16 and siggraph17; vae has one size"),
    ):
        line = fails(
            2, "colorize", "-m", weights(network), "in.ppm", "-o", "o.png", "--network-size", side, cwd=tmp_path
        )
        assert message in line
    line = fails(
        6, "colorize", "-m", weights("eccv16"), "in.ppm", "-o", "o.png", "--network-size", "1024", "--memory-limit",
        "9M", cwd=tmp_path,
    )  # fmt: skip
    assert "less is needed with a smaller network size (use a smaller --network-size)" in line
    assert not (tmp_path / "o.png").exists()


def test_no_hints_is_automatic(tmp_path: Path) -> None:
    data, empty = ppm(smooth(30, 40)), tmp_path / "empty.txt"
    empty.write_text("# none\n")
    got = colorized(tmp_path, "siggraph17", data, "--hints", empty)
    assert (got == colorized(tmp_path, "siggraph17", data)).all()


def test_hints_refer_to_the_upright_picture(tmp_path: Path) -> None:
    picture, file = smooth(40, 70), tmp_path / "hints.txt"
    file.write_text("60 5 #c83232 6\n")  # beyond the stored width of 40
    quarter_turn = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHHI", 0x112, 3, 1, 8, 0, 0)  # EXIF: to the left
    stored = png(np.rot90(picture, -1), png_chunk(b"eXIf", quarter_turn))
    want = colorized(tmp_path, "siggraph17", ppm(picture), "--hints", file)
    assert (colorized(tmp_path, "siggraph17", stored, "--hints", file) == want).all()


def test_later_hint_wins(tmp_path: Path) -> None:
    data, file = ppm(smooth(64, 64)), tmp_path / "hints.txt"
    results = []
    for order in (("#c83232", "#1e3cfa"), ("#1e3cfa", "#c83232"), ("#1e3cfa",), ("#c83232",)):
        file.write_text("".join(f"20 20 {colour} 5\n" for colour in order))
        results.append(colorized(tmp_path, "siggraph17", data, "--hints", file))
    assert (results[0] == results[2]).all() and (results[1] == results[3]).all()
    assert (results[0] != results[1]).any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3 4 #112233\n40 4 #112233\n", "line 2: 40, 4 is outside the picture of 40 x 30 pixels"),
        ("3 30 #112233", "line 1: 3, 30 is outside"),
        ("3 4", "line 1"),
        ("-3 4 #112233", "line 1"),
        ('[{"x": 3, "y": 4,\n"color": 5}]', "line 2"),
        ('[\n{"x": 3, "y": 77, "a": 1, "b": 2}]', "line 2: 3, 77 is outside"),
    ],
)
def test_bad_hints(tmp_path: Path, text: str, message: str) -> None:
    source, file, output = tmp_path / "in.ppm", tmp_path / "hints", tmp_path / "out.png"
    source.write_bytes(ppm(smooth(30, 40)))
    file.write_text(text)
    line = fails(4, "colorize", "-m", weights("siggraph17"), source, "--hints", file, "-o", output)
    assert f"{file}: {message}" in line and not output.exists()


# The VAE's variants and sheets


def test_one_sample(tmp_path: Path) -> None:
    picture = smooth(48, 64)
    for seed in (0, 5, 2**63 - 1):
        got = colorized(tmp_path, "vae", ppm(picture), "--samples", "1", "--seed", str(seed))
        z = noise(seed, latent_length())
        assert_alike(got, join(picture, network_ab(tmp_path, "vae", picture, z=z)), f"seed {seed}")


def test_samples(tmp_path: Path) -> None:
    picture = smooth(80, 100)
    sheet = colorized(tmp_path, "vae", ppm(picture), "--samples", "5", "--seed", "3")
    assert sheet.shape == (2 * (80 + 4 + 10 + 8) + 8, 3 * 108 + 8, 3)  # 3 columns, captions 10 rows high, gaps of 8
    for i in range(5):
        top, left = 8 + i // 3 * 102, 8 + i % 3 * 108
        one = colorized(tmp_path, "vae", ppm(picture), "--samples", "1", "--seed", str(3 + i))
        assert (sheet[top : top + 80, left : left + 100] == one).all(), i
        assert (sheet[top + 80 : top + 94, left : left + 100] < 128).any(), "a caption"
    assert (sheet == colorized(tmp_path, "vae", ppm(picture), "--samples", "5", "--seed", "3")).all()


def test_compare(tmp_path: Path) -> None:
    picture = smooth(80, 100)
    source, output = tmp_path / "in.ppm", tmp_path / "sheet.png"
    source.write_bytes(ppm(picture))
    networks = ("eccv16", "siggraph17", "vae")
    names = ",".join(str(weights(network)) for network in networks)
    succeeds("colorize", "--compare", "-m", names, source, "-o", output, "--saturation", "0.5")
    sheet = read_png(output.read_bytes())
    want = [picture, join(picture, np.zeros((2, 1, 1)))]
    want += [colorized(tmp_path, network, ppm(picture), "--saturation", "0.5") for network in networks]
    assert sheet.shape == (80 + 4 + 10 + 8 + 8, 5 * 108 + 8, 3)
    for i, part in enumerate(want):
        assert_alike(sheet[8:88, 8 + i * 108 : 108 + i * 108], part, f"cell {i}")


def test_sheets_shrink_large_pictures_and_show_white_through_alpha(tmp_path: Path) -> None:
    picture = smooth(300, 1200, 4)
    picture[..., 3] = 0
    sheet = colorized(tmp_path, "eccv16", png(picture), "--compare")
    assert sheet.shape == (128 + 4 + 20 + 8 + 8, 3 * 520 + 8, 3)
    assert (sheet[8:136] == 255).all() and (sheet[140:] < 128).any()


# The command line


def test_folder(tmp_path: Path) -> None:
    folder, results = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a.ppm", "b.ppm"):
        (folder / name).write_bytes(ppm(smooth(20, 30)))
    (folder / "c.png").write_bytes(b"no picture")
    done = limn("colorize", "-m", weights("eccv16"), folder, "-o", results)
    assert done.returncode == 1 and b"c.png" in done.stderr
    assert sorted(path.name for path in results.iterdir()) == ["a.ppm", "b.ppm"]


def test_names_in_limn_weights(tmp_path: Path) -> None:
    picture, output = tmp_path / "in.ppm", tmp_path / "out.png"
    picture.write_bytes(ppm(smooth(20, 30)))
    environment = {"LIMN_WEIGHTS": str(GOLDENS)}
    succeeds("colorize", "--compare", "-m", "eccv16,vae", picture, "-o", output, env=environment)
    succeeds("colorize", "-m", "eccv16", picture, "-o", "-", env=environment)


def test_standing_output_is_kept(tmp_path: Path) -> None:
    source, output = tmp_path / "in.ppm", tmp_path / "out.png"
    source.write_bytes(ppm(smooth(20, 30)))
    output.write_bytes(b"mine")
    for options in ((), ("--compare",)):
        fails(5, "colorize", "-m", weights("eccv16"), source, "-o", output, *options)
    assert output.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-m", weights("enhancenet")), "expected a colorization network (eccv16, siggraph17, vae), found enhancenet"),
        (("-m", weights("eccv16"), "--hints", "hints.txt"), "hints are an option of siggraph17"),
        (("-m", weights("vae"), "--hints", "hints.txt"), "hints are an option of siggraph17"),
        (("-m", weights("eccv16"), "--samples", "2"), "samples and seeds are options of vae"),
        (("-m", weights("vae"), "--seed", "2"), "--seed needs --samples"),
        (("-m", weights("vae"), "--samples", "2", "--compare"), "--compare and --samples exclude each other"),
        (("-m", weights("vae"), "--samples", "0"), "from 1 to 256"),
        (("-m", f"{weights('eccv16')},{weights('vae')}"), "several networks need --compare"),
        (("-m", ",".join(9 * [str(weights("eccv16"))]), "--compare"), "more than 8 networks"),
        (("-m", weights("eccv16"), "--saturation", "-1"), "from 0 to 10"),
        (("-m", weights("eccv16"), "--saturation", "nan"), "from 0 to 10"),
        (("-m", weights("eccv16"), "--temperature", "warm"), "from -100 to 100"),
    ],
)
def test_usage(tmp_path: Path, options: tuple, message: str) -> None:
    (tmp_path / "in.ppm").write_bytes(ppm(smooth(20, 30)))
    (tmp_path / "hints.txt").write_text("1 1 #112233\n")
    line = fails(2, "colorize", "in.ppm", "-o", "out.png", *options, cwd=tmp_path)
    assert message in line and not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("network", "layer", "shape", "message"),
    [
        ("eccv16", "model_out", (5, 19, 1, 1), "model_out has 5 channels, 2 expected"),
        ("eccv16", "model_out", (1, 19, 1, 1), "model_out has 1 channels, 2 expected"),
        ("eccv16", "model_out", (2, 19, 9, 9), "the network makes 2x224x224 values; expected 2x256x256"),
        ("siggraph17", "model_out.0", (3, 4, 1, 1), "model_out.0/tanh has 3 channels, 2 expected"),
        ("vae", "dec_conv5", (1, 2, 5, 5), "dec_conv5 has 1 channels, 2 expected"),
        ("vae", "dec_conv5", (2, 2, 3, 3), "the network makes 2x66x66 values; expected 2x64x64"),
    ],
)
def test_networks_that_make_something_else(
    tmp_path: Path, network: str, layer: str, shape: tuple[int, ...], message: str
) -> None:
    tensors = {name: array.astype(np.float32) for name, array in read_weights(weights(network)).items()}
    tensors[f"{layer}.weight"] = np.zeros(shape, np.float32)
    if f"{layer}.bias" in tensors:
        tensors[f"{layer}.bias"] = np.zeros(shape[0], np.float32)
    file, source = tmp_path / "w.safetensors", tmp_path / "in.ppm"
    file.write_bytes(safetensors(tensors))
    source.write_bytes(ppm(smooth(20, 30)))
    line = fails(3, "colorize", "-m", file, source, "-o", tmp_path / "out.png")
    assert message in line
    assert not (tmp_path / "out.png").exists()
