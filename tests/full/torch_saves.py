#!/usr/bin/env python3
"""Ways to save a model with PyTorch, through tools/convert.py: a table of ways by graphs.

    sh tests/full/with_torch.sh tests/full/torch_saves.py [--only GRAPH]

A cell counts the files of that way: torch.save's zip and legacy formats at the pickle protocols 2 to 5, where the way
does not choose one itself. They must all become the tensors of the plain state dict (=), or all be refused with the
words that tests/python/torch_ways.py expects, which follow the row. Then come files with millions of values along with
the network, which must not take much memory.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace

sys.path += [str(pathlib.Path(__file__).resolve().parents[2] / folder) for folder in ("tools", "tests/python")]

import json

import torch
from checkpoint_files import read_safetensors
from checks import ROOT
from convert_runner import assert_same, run
from torch_ways import GRAPHS, LEGACY, WAYS, Way, made, saved, wanted

FORMATS = [{"pickle_protocol": number, **legacy} for legacy in ({}, LEGACY) for number in (2, 3, 4, 5)]
MOST_MEMORY = 300  # MB, of the converter with the largest company

COMPANY = {
    "5 million floats": lambda: [step / 7 for step in range(5_000_000)],
    "5 million steps": lambda: list(range(5_000_000)),
    "a million pairs": lambda: [(step, step / 7) for step in range(1_000_000)],
    "a million dicts of two": lambda: [{"step": step, "loss": step / 7} for step in range(1_000_000)],
    "a million file names": lambda: [f"/data/{step:08}.jpg" for step in range(1_000_000)],
    "50,000 losses as tensors": lambda: [torch.tensor(0.5) for _ in range(50_000)],
    "Adam of 10,000 tensors": lambda: {
        at: {"step": torch.tensor(1.0), "exp_avg": torch.ones(2), "exp_avg_sq": torch.ones(2)} for at in range(10_000)
    },
}


def variants(way: Way) -> Iterator[Way]:
    """The way in every format, unless it is about one, or makes its file itself."""
    own_file = isinstance(way.root(made(GRAPHS["dcgan"]), made(GRAPHS["dcgan"], 2)), bytes)
    if own_file or way.options or way.change is not bytes:
        yield way
    else:
        yield from (replace(way, options=options) for options in FORMATS)


def fault(way: Way, graph: str, folder: pathlib.Path) -> str:
    """What is wrong with the conversion; empty if nothing is."""
    code, error = run(folder, way.saved(graph))
    if way.refusal:
        return (
            "" if code == 1 and re.search(way.refusal, error) else f"expected {way.refusal!r}: {error or 'converted'}"
        )
    if code != 0:
        return error
    tensors, metadata, _ = read_safetensors((folder / "out.safetensors").read_bytes())
    try:
        assert_same(tensors, wanted(graph, way.dtype))
    except AssertionError as difference:
        return f"other tensors: {difference}"
    return "" if metadata["limn.model"] == graph else f"became {metadata['limn.model']}"


def passes(name: str, way: Way, graphs: list[str], folder: pathlib.Path) -> bool:
    """Tries a way and prints its row."""
    cells, faults = [], []
    for graph in graphs:
        files = list(variants(way))
        found = [(other, said) for other in files if (said := fault(other, graph, folder))]
        faults += [f"    {graph} {dict(other.options)}: {said.strip()}" for other, said in found]
        cells.append(f"{len(files) - len(found)}{'x' if found else ' ' if way.refusal else '='}")
    tail = f"  refused: {way.refusal}" if way.refusal else ""
    print(f"{name:<34}" + "".join(f"{cell:>11}" for cell in cells) + tail, *faults, sep="\n", flush=True)
    return not faults


def company_passes(name: str, legacy: bool, folder: pathlib.Path) -> bool:
    """Converts a generator with such values in a process of its own, and prints what that took."""
    source, output = folder / "weights.pth", folder / "out.safetensors"
    root = {"history": COMPANY[name](), "net": made(GRAPHS["dcgan"]).state_dict()}
    source.write_bytes(saved(root, **(LEGACY if legacy else {})))
    measure = [sys.executable, "-I", "-S", ROOT / "tests/full/measure.py"]
    command = [sys.executable, ROOT / "tools/convert.py", source, "-o", output, "--force"]
    measured = subprocess.run([*measure, *command], check=True, capture_output=True, text=True)
    taken = json.loads(measured.stdout)
    good = taken["code"] == 0 and is_generator(output) and taken["peak"] < MOST_MEMORY
    form, size = "legacy" if legacy else "zip", source.stat().st_size / 1e6
    figures = f"{size:6.1f} MB in {taken['seconds']:5.1f} s, {taken['peak']:4.0f} MB of memory"
    print(f"{name:<27} {form:<6} {figures}  {'equal' if good else f'FAILED: {measured.stderr.strip()}'}", flush=True)
    return good


def is_generator(output: pathlib.Path) -> bool:
    try:
        assert_same(read_safetensors(output.read_bytes())[0], wanted("dcgan"))
    except AssertionError:
        return False
    return True


def run_checks(only: str) -> list[bool]:
    """Tries every way, for the graphs whose name begins with `only`."""
    graphs = [graph for graph in GRAPHS if graph.startswith(only)]
    if not graphs:
        return []
    print(f"{'way':<34}" + "".join(f"{graph:>11}" for graph in graphs))
    with tempfile.TemporaryDirectory() as ways, tempfile.TemporaryDirectory() as company:
        results = [passes(name, way, graphs, pathlib.Path(ways)) for name, way in WAYS.items()]
        for name in COMPANY:
            results += [company_passes(name, legacy, pathlib.Path(company)) for legacy in (False, True)]
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="graphs whose name begins with this")
    print(f"PyTorch {torch.__version__}, {len(WAYS)} ways")
    results = run_checks(parser.parse_args().only)
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
