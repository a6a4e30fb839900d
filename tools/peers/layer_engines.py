"""Peers whose functions take other layouts of memory than files have: for single layers, without conversions around."""

from __future__ import annotations

import pathlib

import numpy as np

from . import engines
from .engines import Inputs
from .layers import Layer


class TorchPrepacked(engines.TorchChannelsLast):
    """oneDNN's convolution with packed weights and fused epilogue, through the operators that torch.compile calls."""

    def __init__(self, layer: Layer, folder: pathlib.Path, threads: int, inputs: Inputs) -> None:
        super().__init__(layer, folder, threads, inputs)
        import torch

        onednn = torch.ops.mkldnn
        x, *residual = self.inputs
        window = [layer.pair("p", 0), layer.pair("s", 1), layer.pair("d", 1), 1]
        activation = layer.settings.get("act", "none"), [], ""
        if layer.op == "conv2d_transpose":
            window.insert(1, (0, 0))  # output_padding
            pack, self.function = onednn._reorder_convolution_transpose_weight, onednn._convolution_transpose_pointwise
        else:
            pack, self.function = onednn._reorder_convolution_weight, onednn._convolution_pointwise
        weight = pack(self.weights["weight"].contiguous(), *window, list(x.shape))
        epilogue = ("add", 1.0, *activation) if residual else activation
        self.arguments = (x, *residual, weight, None, *window, *epilogue)

    def run(self) -> None:
        self.result = self.function(*self.arguments)


class OpenVinoNhwc(engines.OpenVino):
    """The same with tensors in NHWC."""

    def __init__(self, layer: Layer, folder: pathlib.Path, threads: int, inputs: Inputs) -> None:
        pixels = [np.ascontiguousarray(array.transpose(0, 2, 3, 1)) for array in inputs]
        super().__init__(layer, folder, threads, pixels)

    def read(self, path: pathlib.Path):
        import openvino
        from openvino import preprocess

        model = openvino.Core().read_model(path)
        steps = preprocess.PrePostProcessor(model)
        for place in (*(steps.input(i) for i in range(len(model.inputs))), steps.output()):
            place.tensor().set_layout(openvino.Layout("NHWC"))
            place.model().set_layout(openvino.Layout("NCHW"))
        return steps.build()

    def output(self) -> np.ndarray:
        return super().output().transpose(0, 3, 1, 2)


class NcnnPacked(engines.Ncnn):
    """The same with 16 channels of a pixel side by side, or as many as the processor and the layer allow."""

    extraction = 1  # the result as it is

    def __init__(self, layer: Layer, folder: pathlib.Path, threads: int, inputs: Inputs) -> None:
        super().__init__(layer, folder, threads, inputs)
        import ncnn

        self.convert = ncnn.convert_packing
        flags = pathlib.Path("/proc/cpuinfo").read_text()  # ncnn does not tell whether it uses AVX-512
        widest = 16 if "avx512f" in flags else 8 if ncnn.cpu_support_x86_avx() else 4
        self.pictures = [[self.packed(mat, widest) for mat in picture] for picture in self.pictures]

    def packed(self, mat, widest: int):
        return self.convert(mat, next(width for width in (widest, 8, 4, 1) if mat.c % width == 0))

    def output(self) -> np.ndarray:
        return np.stack([np.array(self.convert(result, 1)) for result in self.results])


ENGINES = engines.ENGINES | {
    "torch-prepacked": TorchPrepacked,
    "openvino-nhwc": OpenVinoNhwc,
    "ncnn-packed": NcnnPacked,
}
