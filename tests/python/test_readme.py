"""The commands that open the README, as they are, on what `make demo` leaves and what the repository has."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from cli_support import LIMN, ROOT

README = (ROOT / "README.md").read_text()
BLOCK = [line.strip() for line in re.search(r"(?:^    .+\n)+", README, re.MULTILINE)[0].splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "build").symlink_to(Path(LIMN).parent)
    shutil.copytree(ROOT / "weights/samples", folder / "weights/samples")
    return folder


def test_the_block_shows_the_pipelines_of_pictures() -> None:
    assert [line.split()[:2] for line in BLOCK] == [
        ["build/limn", command] for command in ("upscale", "colorize", "segment")
    ]


@pytest.mark.parametrize("line", BLOCK)
def test_a_command_that_opens_the_readme(line: str, folder: Path) -> None:
    env = os.environ | {"LIMN_WEIGHTS": str(folder / "weights"), "XDG_DATA_HOME": str(folder)}
    done = subprocess.run(line.split(), cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and done.stdout == "", done.stderr
    assert done.stderr == "" or (line.split()[1] == "segment" and "unet-nuclei" in done.stderr)
    source, made = (struct.unpack(">2I", (folder / line.split()[word]).read_bytes()[16:24]) for word in (2, 4))
    assert made[0] >= source[0] and made[1] >= source[1]
