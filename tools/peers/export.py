#!/usr/bin/env python3
"""One case in every peer's own format: a process of its own, as it needs PyTorch and much memory.

    python export.py CASE --cache FOLDER --seed N [--engines torch onnxruntime openvino ncnn]

writes FOLDER/GRAPH-seedN.safetensors, limn's weights, and in FOLDER/CASE-seedN:

    weights.pt        PyTorch, operator by operator
    traced.pt         TorchScript
    graph.onnx        ONNX Runtime
    graph.xml, .bin   OpenVINO
    ncnn.param, .bin  ncnn
    prepared.json     versions, and why a format is missing

What stands already, made by the same versions, is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from checkpoint import safetensors
from checkpoint.tensor import Tensor

from peers.graphs import Case, parse

OPSET = 17  # of ONNX; the newest that the tracing exporter writes well, and old enough for every reader
FORMATS = ("torch", "onnxruntime", "openvino", "ncnn")
MAKERS = {"torch": "torch", "onnxruntime": "onnx", "openvino": "openvino", "ncnn": "pnnx"}
CONVERSION_SECONDS = 900


def make_weights(case: Case, path: pathlib.Path, seed: int) -> None:
    """Random weights at full width, their batch norms fitted to what reaches them."""
    make = importlib.import_module(f"reference.{case.graph}").random_weights
    tensors = {
        name: Tensor("F32", array.shape, lambda a=array: a.astype("<f4"))
        for name, array in make(seed).items()
    }
    safetensors.write(path, tensors, {"limn.model": case.graph}, force=True)


def read_weights(path: pathlib.Path) -> dict[str, np.ndarray]:
    contents = safetensors.read(path.read_bytes())
    return {name: np.array(tensor.read()) for name, tensor in contents.tensors.items()}


class Exporter:
    """Traces a case once and writes each format on demand."""

    def __init__(self, case: Case, weights: dict[str, np.ndarray], folder: pathlib.Path, seed: int) -> None:
        import torch

        from peers import forward

        torch.set_grad_enabled(False)
        forward.remember_bicubic()
        self.torch, self.folder = torch, folder
        self.weights = {name: torch.from_numpy(array) for name, array in weights.items()}
        self.inputs = tuple(torch.from_numpy(array) for array in case.inputs(seed))
        self.network = forward.Network(case.graph, forward.dense(self.weights)).eval()
        forward.run(
            case.graph, self.weights, list(self.inputs)
        )  # makes the constants before anything is traced
        self.tracing = forward.products_of_matrices

    def write_torch(self) -> None:
        self.torch.save(self.weights, self.folder / "weights.pt")
        with self.tracing():
            traced = self.torch.jit.trace(self.network, self.inputs, check_trace=False)
        self.torch.jit.save(traced, self.folder / "traced.pt")

    def write_onnx(self) -> None:
        names = [f"in{number}" for number in range(len(self.inputs))]
        with self.tracing():
            self.torch.onnx.export(
                self.network,
                self.inputs,
                str(self.folder / "graph.onnx"),
                input_names=names,
                output_names=["out0"],
                opset_version=OPSET,
                dynamo=False,  # the tracing exporter: it folds constants, and nothing needs another package
            )

    def write_openvino(self) -> None:
        """From the ONNX file, which may stand already."""
        import openvino

        if not (self.folder / "graph.onnx").exists():
            self.write_onnx()
        model = openvino.convert_model(self.folder / "graph.onnx")
        openvino.save_model(model, self.folder / "graph.xml", compress_to_fp16=False)

    def write_ncnn(self) -> None:
        """pnnx makes ncnn's files, and others that are not wanted, from TorchScript. There is no batch."""
        shapes = ",".join("[" + ",".join(map(str, (1, *tensor.shape[1:]))) + "]" for tensor in self.inputs)
        with self.tracing():
            traced = self.torch.jit.trace(self.network, tuple(x[:1] for x in self.inputs), check_trace=False)
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            self.torch.jit.save(traced, f"{scratch}/model.pt")
            program = pathlib.Path(sys.executable).with_name("pnnx")
            command = [program, "model.pt", f"inputshape={shapes}", "fp16=0"]
            done = subprocess.run(
                command, cwd=scratch, capture_output=True, text=True, timeout=CONVERSION_SECONDS, check=False
            )
            made = pathlib.Path(scratch, "model.ncnn.param")
            if done.returncode or not made.exists():
                last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
                raise RuntimeError(f"pnnx ended with {done.returncode}: {last[0]}")
            refused = foreign_operators(made.read_text())
            if refused:
                raise RuntimeError(f"pnnx left operators that ncnn does not know: {', '.join(refused)}")
            shutil.move(made, self.folder / "ncnn.param")
            shutil.move(f"{scratch}/model.ncnn.bin", self.folder / "ncnn.bin")


def foreign_operators(param: str) -> list[str]:
    """Operators that pnnx could not translate keep PyTorch's names: nn.X, F.x, torch.x, Tensor.x, aten::x."""
    types = (line.split()[0] for line in param.splitlines()[2:] if line.strip())
    return sorted({name for name in types if re.match(r"nn\.|F\.|torch\.|Tensor\.|aten::|pnnx\.", name)})


def versions() -> dict[str, str]:
    """Of everything that takes part in making the files."""
    found = {}
    for package in {*MAKERS.values()}:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def one_line(error: BaseException) -> str:
    """An error as a reason for a table."""
    text = str(error).strip().splitlines() or [type(error).__name__]
    return f"{type(error).__name__}: {text[0]}"


def write_formats(
    exporter: Callable[[], Exporter], wanted: list[str], record: dict[str, dict[str, str]]
) -> None:
    """Writes what is wanted and not there yet; what fails is recorded with its reason."""
    missing = [name for name in wanted if name not in record["made"]]
    if not missing:
        return
    work = exporter()
    steps = {
        "torch": work.write_torch,
        "onnxruntime": work.write_onnx,
        "openvino": work.write_openvino,
        "ncnn": work.write_ncnn,
    }
    for name in missing:
        try:
            steps[name]()
            record["made"][name] = "yes"
            record["absent"].pop(name, None)
        except Exception as error:  # whatever a converter throws is the reason why its engine is absent
            record["absent"][name] = one_line(error)


def recorded(folder: pathlib.Path) -> dict[str, dict[str, str]]:
    """What was made before by the same versions; what others made is removed."""
    path = folder / "prepared.json"
    record = json.loads(path.read_text()) if path.exists() else {}
    if record.get("versions") == versions():
        return record
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {"versions": versions(), "made": {}, "absent": {}}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", type=parse)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--engines", nargs="*", choices=FORMATS, default=[])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    case, seed = arguments.case, arguments.seed
    folder = arguments.cache / f"{case.spec}-seed{seed}"
    record = recorded(folder)
    weights = arguments.cache / f"{case.graph}-seed{seed}.safetensors"
    if not weights.exists():
        make_weights(case, weights, seed)
    write_formats(lambda: Exporter(case, read_weights(weights), folder, seed), arguments.engines, record)
    (folder / "prepared.json").write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
