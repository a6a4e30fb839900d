"""The peers: one class each, which loads a case and runs it. Imports are local, because a process runs one peer.

    engine = ENGINES[name](case, folder, threads, inputs)     load from the files that export.py wrote
    engine.run()                                              one forward pass, which is timed
    engine.output()                                           the last result, N x C x H x W

All but OpenVinoDefault compute in float32, with `threads` threads on the cores that the process is pinned to. Other
settings are those that the engine's documentation recommends for the shortest single run.
"""

from __future__ import annotations

import pathlib

import numpy as np

from .graphs import Case

Inputs = list[np.ndarray]


class TorchEager:
    """PyTorch, operator by operator."""

    channels_last = False

    def __init__(self, case: Case, folder: pathlib.Path, threads: int, inputs: Inputs) -> None:
        import torch

        from . import forward

        torch.set_grad_enabled(False)
        torch.set_num_threads(threads)
        forward.remember_bicubic()
        stored = torch.load(folder / "weights.pt", mmap=True, weights_only=True)
        self.weights = forward.dense(stored, self.channels_last)
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        self.inputs = [torch.from_numpy(array).contiguous(memory_format=layout) for array in inputs]
        self.forward, self.graph = forward.run, case.graph

    def run(self) -> None:
        self.result = self.forward(self.graph, self.weights, self.inputs)

    def output(self) -> np.ndarray:
        return self.result.contiguous().numpy()


class TorchChannelsLast(TorchEager):
    """The same with channels last, N x H x W x C in memory."""

    channels_last = True


class TorchFrozen:
    """TorchScript, frozen: constants and batch norms folded."""

    def __init__(self, case: Case, folder: pathlib.Path, threads: int, inputs: Inputs) -> None:
        import torch

        torch.set_grad_enabled(False)
        torch.set_num_threads(threads)
        traced = torch.jit.load(str(folder / "traced.pt")).eval()
        self.module = self.improve(torch, torch.jit.freeze(traced))
        self.inputs = [torch.from_numpy(array) for array in inputs]

    def run(self) -> None:
        self.result = self.module(*self.inputs)

    def improve(self, torch, frozen):
        return frozen

    def output(self) -> np.ndarray:
        return self.result.contiguous().numpy()


class TorchOptimized(TorchFrozen):
    """The same with weights in oneDNN's layout, which cannot be stored in a file and is made at every start."""

    def improve(self, torch, frozen):
        return torch.jit.optimize_for_inference(frozen)


class OnnxRuntime:
    """All graph optimisations, operators run in sequence. Threads spin during a run, but not after it."""

    def __init__(self, case: Case, folder: pathlib.Path, threads: int, inputs: Inputs) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        options.add_session_config_entry("session.force_spinning_stop", "1")
        model = str(folder / "graph.onnx")
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.inputs = {f"in{number}": array for number, array in enumerate(inputs)}

    def run(self) -> None:
        self.result = self.session.run(None, self.inputs)[0]

    def output(self) -> np.ndarray:
        return self.result


class OpenVino:
    """Optimised for latency, and float32 even if the processor has bfloat16."""

    hints = {"INFERENCE_PRECISION_HINT": "f32"}

    def __init__(self, case: Case, folder: pathlib.Path, threads: int, inputs: Inputs) -> None:
        import openvino

        settings = {
            **self.hints,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # the process is pinned
        }
        self.model = openvino.Core().compile_model(self.read(folder / "graph.xml"), "CPU", settings)
        self.request = self.model.create_infer_request()
        self.inputs = inputs  # kept, because the tensors share their memory
        for number, array in enumerate(inputs):
            self.request.set_input_tensor(number, openvino.Tensor(array, shared_memory=True))

    def read(self, path: pathlib.Path):
        return path

    def run(self) -> None:
        self.request.infer()

    def output(self) -> np.ndarray:
        return self.request.get_output_tensor(0).data

    def precision(self) -> str:
        """The precision in which it computes: f32, or a lower one that an operation has."""
        operations = self.model.get_runtime_model().get_ops()
        found = {operation.get_rt_info()["runtimePrecision"].astype(str) for operation in operations}
        return next((lower for lower in ("bf16", "f16") if lower in found), "f32")


class OpenVinoDefault(OpenVino):
    """The same at its default precision: bfloat16 where the processor multiplies it (AVX512-BF16, AMX)."""

    hints = {}


class Ncnn:
    """float32 storage and arithmetic, with Winograd and packed layouts. A batch is run picture by picture."""

    extraction = 0  # the result's channels are unpacked

    def __init__(self, case: Case, folder: pathlib.Path, threads: int, inputs: Inputs) -> None:
        import ncnn

        self.allocators = ncnn.UnlockedPoolAllocator(), ncnn.PoolAllocator()  # as in ncnn's own benchmark
        self.net = ncnn.Net()
        option = self.net.opt
        option.use_vulkan_compute = False
        option.num_threads = threads
        option.blob_allocator, option.workspace_allocator = self.allocators
        for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage", "bf16_packed"):
            if hasattr(option, f"use_{name}"):
                setattr(option, f"use_{name}", False)
        if self.net.load_param(str(folder / "ncnn.param")) or self.net.load_model(str(folder / "ncnn.bin")):
            raise RuntimeError("ncnn cannot load the graph that pnnx wrote")
        self.inputs = inputs  # kept, because Mat uses their memory; the clone has ncnn's alignment
        self.pictures = [[ncnn.Mat(x[i]).clone() for x in inputs] for i in range(case.batch)]

    def run(self) -> None:
        self.results = [self.run_picture(picture) for picture in self.pictures]

    def run_picture(self, picture: list[object]) -> object:
        extractor = self.net.create_extractor()
        for number, mat in enumerate(picture):
            extractor.input(f"in{number}", mat)
        status, result = extractor.extract("out0", self.extraction)
        if status:
            raise RuntimeError(f"ncnn failed with status {status}")
        return result

    def output(self) -> np.ndarray:
        return np.stack([np.array(result) for result in self.results])


ENGINES = {
    "torch-eager": TorchEager,
    "torch-channels-last": TorchChannelsLast,
    "torch-frozen": TorchFrozen,
    "torch-optimized": TorchOptimized,
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
    "openvino-default": OpenVinoDefault,
    "ncnn": Ncnn,
}
