"""Commands without -m: which weights they use, and what they say of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import cli_support
import pytest
from cli_support import LIMN, ROOT, fails, limn, pixels, png

GOLDENS = {  # networks that stand in for the weights of these names
    "deeplabv3": "deeplabv3",
    "unet-nuclei": "unet-transposed",
    "siggraph17": "siggraph17-centred-mask",
    "siggraph17-photos": "siggraph17",
    "enhancenet": "enhancenet",
    "dcgan-landscapes": "dcgan-3-stages",
}
NOTES = {
    "unet-nuclei": "limn: unet-nuclei, the default, finds cell nuclei in pictures from a microscope; "
    "limn-fetch deeplabv3 downloads weights for everyday pictures\n",
    "dcgan-landscapes": "limn: dcgan-landscapes, the default, draws small landscapes; -m dcgan-digits draws digits\n",
}
COMMANDS = [  # and the weights from the preferred ones to those that limn includes
    (["segment", "in.png"], ["deeplabv3", "unet-nuclei"]),
    (["colorize", "in.png"], ["siggraph17", "siggraph17-photos"]),
    (["upscale", "in.png"], ["enhancenet"]),
    (["generate", "-n", "2"], ["dcgan-landscapes"]),
]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the program, which finds only the weights in tmp_path/limn/weights."""
    shutil.copy2(LIMN, tmp_path / "program")
    monkeypatch.setattr(cli_support, "LIMN", str(tmp_path / "program"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "limn/weights").mkdir(parents=True)
    (tmp_path / "in.png").write_bytes(png(pixels(64, 70)))


def add_weights(folder: Path, name: str) -> None:
    shutil.copy(ROOT / f"tests/goldens/{GOLDENS[name]}.safetensors", folder / f"limn/weights/{name}.safetensors")


@pytest.mark.parametrize(("command", "names"), COMMANDS, ids=[command[0] for command, _ in COMMANDS])
def test_the_first_weights_that_are_there(command: list[str], names: list[str], tmp_path: Path) -> None:
    for name in reversed(names):
        add_weights(tmp_path, name)
        usual, chosen = tmp_path / f"usual-{name}.png", tmp_path / f"chosen-{name}.png"
        done = limn(*command, "-o", usual, cwd=tmp_path)
        assert (done.returncode, done.stderr.decode()) == (0, NOTES.get(name, ""))
        done = limn(*command, "-m", name, "-o", chosen, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, b"")
        assert usual.read_bytes() == chosen.read_bytes()
    done = limn(*command, "-q", "-o", tmp_path / "quiet.png", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("command", "names"), COMMANDS, ids=[command[0] for command, _ in COMMANDS])
def test_no_weights_at_all(command: list[str], names: list[str], tmp_path: Path) -> None:
    line = fails(3, *command, "-q", "-o", "out.png", cwd=tmp_path)
    assert f"no weights called {names[-1]}: " in line and str(tmp_path / "limn/weights") in line


def test_the_defaults_are_documented() -> None:
    header = (ROOT / "engine/limn.h").read_text()
    for command, names in COMMANDS:
        (line,) = re.findall(rf"^ \*   LIMN_TASK_{command[0].upper()} +(.*)$", header, re.MULTILINE)
        assert re.findall(r"[a-z]+[0-9]*(?:-[a-z]+)?(?=[,; ]|$)", re.sub(r" \(.*?\)|;.*", "", line)) == names
