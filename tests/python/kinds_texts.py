"""Rows of test_kinds.py: text from outside, pictures for limn run, masks of 16 bits, weights, help, reports."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
from checkpoint_files import read_safetensors, safetensors
from cli_support import LIMN, ROOT, WEIGHTS, enhancenet, fails, limn, pixels, png, ppm, read_weights, succeeds
from kinds import kind
from text_support import decoded, file, shown, strict_json

GOLDENS = ROOT / "tests/goldens"

# Text from outside


def compared(folder: Path, name: bytes) -> bytes:
    """The path of a picture of this name, after a look at what `limn compare` prints about it."""
    path = file(folder, name, ppm(pixels(8, 8)))
    pair = strict_json(succeeds("compare", path, path, "--json"))["pairs"][0]
    assert pair["a"] == pair["b"] == decoded(path)
    table = succeeds("compare", path, path, "--csv").decode("utf-8")
    rows = list(csv.reader(io.StringIO(table, newline=""), strict=True))
    assert rows[1][:2] == [shown(path, kept="\r\n")] * 2 and len(rows) == 2
    return path


@kind("text from outside", "a file name in Latin-1", before="JSON and CSV that are not UTF-8")
def latin_1(folder: Path) -> str:
    assert decoded(compared(folder, "café.ppm".encode("latin-1"))).endswith("/caf\ufffd.ppm")
    return "valid, U+FFFD for the byte"


@kind("text from outside", "surrogates and overlong forms in a name", before="JSON and CSV that are not UTF-8")
def surrogates(folder: Path) -> str:
    compared(folder, b"\xed\xa0\xbd\xed\xb8\x80 \xc0\xaf \xf4\x90\x80\x80.ppm")
    return "valid, U+FFFD as Python replaces them"


@kind("text from outside", "terminal escapes, quotes and line breaks in a name", before="CSV with control characters")
def escapes(folder: Path) -> str:
    compared(folder, b'\x1b[31m"\\,\r\n\x7f\xc2\x9b.ppm')
    return "JSON \\u001b, CSV U+FFFD"


@kind("text from outside", "U+FFFE and a right-to-left override in a name", before="written as they are")
def hidden(folder: Path) -> str:
    compared(folder, "\ufffe\u202egnp.ppm".encode())
    return "JSON \\ufffe, CSV U+FFFD"


@kind("text from outside", "a bad file with a name in Shift-JIS", before="JSON that is not UTF-8")
def bad_file(folder: Path) -> str:
    paths = [file(folder, name.encode("shift-jis"), b"no picture") for name in ("テスト.png", "写真.png")]
    done = limn("upscale", "-m", WEIGHTS, *paths, "-o", folder / "made", "--json")
    pictures = strict_json(done.stdout)["pictures"]
    assert done.returncode == 1 and [picture["input"] for picture in pictures] == [decoded(path) for path in paths]
    assert all("\ufffd" in picture["error"] for picture in pictures)
    return "its error in valid JSON"


@kind("text from outside", "metadata with control characters", before="printed to the terminal as they are")
def metadata(folder: Path) -> str:
    tensors, _, _ = read_safetensors(WEIGHTS.read_bytes())
    texts = {"limn.model": "enhancenet", "note\x1b]0;x\x07": "a\nb\u2028\x9b"}
    path = file(folder, b"\xff.safetensors", safetensors(tensors, texts))
    assert strict_json(succeeds("inspect", path, "--json"))["metadata"] == texts
    assert "note\ufffd]0;x\ufffd" in succeeds("inspect", path).decode("utf-8")
    xml.etree.ElementTree.fromstring(succeeds("explain", path, "--svg", "-", "--size", "16x16"))
    return "JSON keeps them, text shows U+FFFD"


# Pictures for limn run


def ran(folder: Path, network: str, data: bytes) -> np.ndarray:
    (folder / "picture").write_bytes(data)
    succeeds("run", "-m", GOLDENS / f"{network}.safetensors", folder / "picture", "-o", folder / "y.npy", "--force")
    return np.load(folder / "y.npy")


@kind("pictures for limn run", "a PNG for enhancenet", before="refused: not a .npy file")
def run_png(folder: Path) -> str:
    picture = pixels(9, 7)
    want = enhancenet(read_weights(WEIGHTS), picture.transpose(2, 0, 1)[None] / 255)
    assert np.abs(ran(folder, "enhancenet", png(picture)) - want).max() < 1e-5
    return "equal to the network in float64"


@kind("pictures for limn run", "a PPM for siggraph17", before="refused: not a .npy file")
def run_ppm(folder: Path) -> str:
    assert ran(folder, "siggraph17", ppm(pixels(40, 30))).shape == (1, 2, 256, 256)
    return "lightness at 256 x 256, no hints"


@kind("pictures for limn run", "a picture for deeplabv3", before="refused: not a .npy file")
def run_deeplabv3(folder: Path) -> str:
    assert ran(folder, "deeplabv3", png(pixels(40, 30))).shape == (1, 5, 40, 30)
    return "normalised, at its own size"


@kind("pictures for limn run", "a picture for dcgan", before="refused: not a .npy file")
def run_dcgan(folder: Path) -> str:
    (folder / "p.png").write_bytes(png(pixels(8, 8)))
    line = fails(2, "run", "-m", GOLDENS / "dcgan-3-stages.safetensors", folder / "p.png", "-o", folder / "y.npy")
    assert "a latent vector (.npy), not a picture" in line
    return "refused: a latent vector expected"


# Masks


def accuracy(folder: Path, truth: bytes, predicted: np.ndarray, *options: str) -> float:
    (folder / "truth").write_bytes(truth)
    (folder / "predicted.png").write_bytes(png(predicted[..., None]))
    report = succeeds("compare", "--masks", "--json", *options, folder / "predicted.png", folder / "truth")
    return strict_json(report)["mean"]["pixel_accuracy"]


LABELS = np.array([[0, 7, 20], [7, 0, 1]], np.uint8)
INSTANCES = LABELS.astype(np.uint16) * 300


@kind("masks of 16 bits", "classes in a 16-bit PNG", before="refused: 8 bits expected")
def classes_png(folder: Path) -> str:
    assert accuracy(folder, png(LABELS.astype(np.uint16)[..., None]), LABELS) == 1
    return "read as classes"


@kind("masks of 16 bits", "classes in a 16-bit PGM", before="scaled to 8 bits: all became class 0")
def classes_pgm(folder: Path) -> str:
    assert accuracy(folder, b"P5 3 2 65535\n" + LABELS.astype(">u2").tobytes(), LABELS) == 1
    return "read as classes"


@kind("masks of 16 bits", "instances in a 16-bit PNG", before="refused: 8 bits expected")
def instances(folder: Path) -> str:
    assert accuracy(folder, png(INSTANCES[..., None]), (LABELS > 0).astype(np.uint8), "--binary") == 1
    line = fails(4, "compare", "--masks", folder / "predicted.png", folder / "truth")
    assert "labels up to 6000" in line and "(use --binary" in line
    return "one class with --binary; refused without, naming the largest label"


@kind("masks of 16 bits", "a mask of 0 and 65535", before="refused: 8 bits expected")
def white(folder: Path) -> str:
    mask = (LABELS > 0).astype(np.uint16) * 65535
    assert accuracy(folder, png(mask[..., None]), (LABELS > 0).astype(np.uint8)) == 1
    return "black and white: classes 0 and 1"


# Weights


def listed(folder: Path) -> dict[str, str]:
    lines = succeeds("--weights", env={"LIMN_WEIGHTS": str(folder)}).decode().splitlines()
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}


@kind("limn --weights", "a network of one's own", before="its name alone")
def own_weights(folder: Path) -> str:
    shutil.copy(WEIGHTS, folder / "mine.safetensors")
    return listed(folder)["mine"]


@kind("limn --weights", "weights with names of classes", before="their name alone")
def named_classes(folder: Path) -> str:
    return listed(folder)["deeplabv3-scenes"]


@kind("limn --weights", "a damaged file", before="its name alone")
def damaged_weights(folder: Path) -> str:
    (folder / "broken.safetensors").write_bytes(WEIGHTS.read_bytes()[:-4])
    line = listed(folder)["broken"]
    assert line.startswith("error: ") and "enhancenet" in listed(folder)
    return "error: what is wrong; the others are listed"


def offered(*words: str) -> list[str]:
    """What bash offers for the last of these words."""
    script = succeeds("--completion", "bash").decode()
    quoted = " ".join(f"'{word}'" for word in words)
    shell = (
        f"limn() {{ {LIMN} \"$@\"; }}\n{script}\nCOMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}\n"
        f'_limn limn "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    return subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True, cwd="/").stdout.split()


@kind("completion", "limn inspect enh", before="files only")
def complete_inspect(folder: Path) -> str:
    assert sorted(offered("limn", "inspect", "enh")) == ["enhancenet", "enhancenet-jpeg"]
    return "enhancenet, enhancenet-jpeg"


@kind("completion", "limn verify --json unet", before="files only")
def complete_verify(folder: Path) -> str:
    assert sorted(offered("limn", "verify", "--json", "unet")) == ["unet-cells", "unet-nuclei"]
    return "unet-cells, unet-nuclei"


@kind("completion", "limn explain vae", before="files only")
def complete_explain(folder: Path) -> str:
    assert offered("limn", "explain", "vae") == ["vae-scenes"]
    return "vae-scenes"


# Help and options


@kind("help", "limn --help run", before="the list of commands")
def help_before_a_command(folder: Path) -> str:
    assert succeeds("--help", "run") == succeeds("-h", "run") == succeeds("run", "--help")
    return "the help of run"


@kind("help", "limn help run foo; limn --version x", before="the extra word was ignored")
def extra_words(folder: Path) -> str:
    assert "unexpected argument: foo" in fails(2, "help", "run", "foo")
    assert "unexpected argument: x" in fails(2, "--version", "x")
    return "unexpected argument"


@kind("help", "limn upscale --q", before="unknown option")
def ambiguous(folder: Path) -> str:
    assert "may stand for --quality, --quiet" in fails(2, "upscale", "--q", "p.png")
    return "ambiguous: --quality, --quiet"


# Reports


def widest(*arguments: object) -> int:
    report = succeeds("bench", *map(str, arguments), "--reps", "1", "--memory-limit", "500M").decode()
    return max(len(line) for line in report.splitlines())


@kind("rows of bench", "layers with names of 48 characters", before="219 columns")
def wide_layers(folder: Path) -> str:
    width = widest("layers", "-m", ROOT / "weights/unet-cells.safetensors", "--size", "32x32")
    assert width <= 120
    return f"{width} columns"


@kind("rows of bench", "kernels", before="136 columns")
def wide_kernels(folder: Path) -> str:
    width = widest("kernels", "--shape", "1x8x8x8,k=3,p=1")
    assert width <= 120
    return f"{width} columns"


@kind("rows of bench", "kernels --steps", before="173 columns")
def wide_steps(folder: Path) -> str:
    width = widest("kernels", "--steps", "--shape", "1x8x8x8,k=3,p=1")
    assert width <= 120 and re.search("speed-up", succeeds("bench", "kernels", "--help").decode()) is None
    return f"{width} columns"
