#!/usr/bin/env python3
"""Writes one case in every peer's format. It is a separate process, because it needs PyTorch and much memory.

    python export.py CASE --cache FOLDER --seed N [--engines torch onnxruntime openvino ncnn float64]

writes limn's weights to FOLDER/GRAPH-seedN.safetensors, and to FOLDER/CASE-seedN:

    weights.pt        PyTorch, operator by operator
    traced.pt         TorchScript
    graph.onnx        ONNX Runtime
    graph.xml, .bin   OpenVINO
    ncnn.param, .bin  ncnn
    expected.npy      the result in float64
    prepared.json     versions, and the reason for each missing format

Existing files made by the same versions are kept.
"""

from __future__ import annotations

import argparse
import contextlib
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

OPSET = 17  # of ONNX: the newest that the tracing exporter writes well, and readable by every peer
FORMATS = ("torch", "onnxruntime", "openvino", "ncnn", "float64")
MAKERS = {"torch": "torch", "onnxruntime": "onnx", "openvino": "openvino", "ncnn": "pnnx"}
CONVERSION_SECONDS = 900


def make_weights(case: Case, path: pathlib.Path, seed: int) -> None:
    """Writes the case's random weights."""
    tensors = {
        name: Tensor("F32", array.shape, lambda a=array: a.astype("<f4"))
        for name, array in case.random_weights(seed).items()
    }
    safetensors.write(path, tensors, {"limn.model": case.graph}, force=True)


def read_weights(path: pathlib.Path) -> dict[str, np.ndarray]:
    contents = safetensors.read(path.read_bytes())
    return {name: np.array(tensor.read()) for name, tensor in contents.tensors.items()}


class Exporter:
    """Writes a case in each format on demand."""

    def __init__(self, case: Case, weights: dict[str, np.ndarray], folder: pathlib.Path, seed: int) -> None:
        import torch

        from peers import forward

        torch.set_grad_enabled(False)
        forward.remember_bicubic()
        self.torch, self.folder, self.graph = torch, folder, case.graph
        self.weights = {name: torch.from_numpy(array) for name, array in weights.items()}
        self.inputs = tuple(torch.from_numpy(array) for array in case.inputs(seed))
        self.network = forward.Network(case.graph, forward.dense(self.weights)).eval()
        forward.run(
            case.graph, self.weights, list(self.inputs)
        )  # creates the constants before tracing
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
                dynamo=False,  # the tracing exporter folds constants and needs no other package
            )

    def write_openvino(self) -> None:
        """Converts the ONNX file, which is written first if it does not exist."""
        import openvino

        if not (self.folder / "graph.onnx").exists():
            self.write_onnx()
        model = openvino.convert_model(self.folder / "graph.onnx")
        openvino.save_model(model, self.folder / "graph.xml", compress_to_fp16=False)

    def write_ncnn(self) -> None:
        """Converts TorchScript with pnnx, which also writes other files. The batch size is 1."""
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
                raise RuntimeError(f"pnnx failed with exit code {done.returncode}: {last[0]}")
            refused = foreign_operators(made.read_text())
            if refused:
                raise RuntimeError(f"pnnx wrote operators that ncnn does not support: {', '.join(refused)}")
            shutil.move(made, self.folder / "ncnn.param")
            shutil.move(f"{scratch}/model.ncnn.bin", self.folder / "ncnn.bin")

    def write_expected(self) -> None:
        from peers import forward

        weights = {name: tensor.double() for name, tensor in self.weights.items()}
        result = forward.run(self.graph, weights, [tensor.double() for tensor in self.inputs])
        np.save(self.folder / "expected.npy", result.numpy())


def foreign_operators(param: str) -> list[str]:
    """Operators that pnnx could not translate. They keep PyTorch's names: nn.X, F.x, torch.x, Tensor.x, aten::x."""
    types = (line.split()[0] for line in param.splitlines()[2:] if line.strip())
    return sorted({name for name in types if re.match(r"nn\.|F\.|torch\.|Tensor\.|aten::|pnnx\.", name)})


def versions() -> dict[str, str]:
    """The versions of all packages that make the files."""
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
    """Writes the wanted formats that do not exist yet, and records the reason of each failure."""
    missing = [name for name in wanted if name not in record["made"]]
    if not missing:
        return
    work = exporter()
    steps = {
        "torch": work.write_torch,
        "onnxruntime": work.write_onnx,
        "openvino": work.write_openvino,
        "ncnn": work.write_ncnn,
        "float64": work.write_expected,
    }
    for name in missing:
        try:
            steps[name]()
            record["made"][name] = "yes"
            record["absent"].pop(name, None)
        except Exception as error:  # any error of a converter makes its engine absent
            record["absent"][name] = one_line(error)


def recorded(folder: pathlib.Path) -> dict[str, dict[str, str]]:
    """The record of files made by the same versions. Files of other versions are removed."""
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
