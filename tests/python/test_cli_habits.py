"""Habits of the command line: mistyped words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cli_support
import pytest
from cli_support import LIMN, ROOT, WEIGHTS, fails

# Mistyped words

MISTYPED = [
    (["upscal"], "unknown command upscal; did you mean upscale? "),
    (["ugment"], "unknown command ugment; did you mean segment? "),
    (["Colorize"], "; did you mean colorize? "),
    (["gen"], "; did you mean generate? "),
    (["--hlep"], "; did you mean --help? "),
    (["upscale", "--tiel", "8"], "--tiel: not an option of limn upscale; did you mean --tile? "),
    (["upscale", "--qualitty=8"], "; did you mean --quality? "),
    (["segment", "--view", "overlya", "a.png", "-o", "b.png"], "expected; did you mean overlay?"),
    (["bench", "modle"], "bench modle: model, layers, kernels or machine expected; did you mean model?"),
    (["bench", "kernels", "--op", "max_pol"], "; did you mean max_pool?"),
    (["bench", "model", "-m", WEIGHTS, "--gemm", "natve"], "expected; did you mean native?"),
    (["bench", "model", "-m", WEIGHTS, "--isa", "AVX2"], "expected; did you mean avx2?"),
    (["pixels", "totext", "a.png"], "expected; did you mean to-text?"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTYPED, ids=[message for _, message in MISTYPED])
def test_the_nearest_word_is_named(arguments: list[str], message: str) -> None:
    assert message in fails(2, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [["x"], ["enlarge"], ["se"], [""], ["z" * 100000], ["upscale", "--bogus"], ["upscale", "-x"], ["bench", "all"], ["pixels"]],
    ids=lambda words: " ".join(words)[:20],
)
def test_nothing_is_named_where_nothing_is_near(arguments: list[str]) -> None:
    assert "did you mean" not in fails(2, *arguments)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the program without weights beside it, which somebody may have fetched."""
    shutil.copy2(LIMN, tmp_path / "limn")
    monkeypatch.setattr(cli_support, "LIMN", str(tmp_path / "limn"))


@pytest.mark.usefixtures("alone")
def test_names_of_weights(tmp_path: Path) -> None:
    """Those in the folders come first, then the published ones and the networks that limn knows."""
    (tmp_path / "holiday.safetensors").write_bytes(WEIGHTS.read_bytes())
    (tmp_path / "holidoy.txt").write_text("no weights")
    env = {"LIMN_WEIGHTS": str(tmp_path)}
    assert "no weights called holidy; did you mean holiday? " in fails(3, "inspect", "holidy", env=env)
    for typed, meant in (("UNet", "unet"), ("ecv16", "eccv16"), ("vea", "vae"), ("enhancenet-pta", "enhancenet-pat")):
        line = fails(3, "inspect", typed, env={"LIMN_WEIGHTS": str(tmp_path / "none")})
        assert f"no weights called {typed}; did you mean {meant}? {typed}.safetensors is neither" in line
        assert "tools/fetch.py --list" in line and "tools/convert.py" in line
    assert "did you mean" not in fails(3, "inspect", "vae", env=env)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", json.loads((ROOT / "tools/catalog.json").read_text())["checkpoints"])
def test_published_weights_can_be_fetched(name: str, tmp_path: Path) -> None:
    line = fails(3, "inspect", name, env={"LIMN_WEIGHTS": str(tmp_path)})
    assert f"no weights called {name}: " in line and line.endswith(f"; tools/fetch.py {name} fetches them\n")
