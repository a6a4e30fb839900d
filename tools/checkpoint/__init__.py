"""Reads published checkpoints without the libraries that wrote them, and writes safetensors files.

Read the modules in this order: `tensor` (what a reader returns), one reader (`safetensors`; `leveldb_table` and
`tf_v1`; `zip_archive`, `pickle_reader`, `containers` and `torch_file`), `layouts` (the expected tensors), `models` (the
search for them), `values` and `metadata`. `download` fetches a checkpoint.
"""

from __future__ import annotations

from . import leveldb_table, safetensors, tf_v1, torch_file
from .tensor import Checkpoint, CheckpointError

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_TAR_MAGIC = (257, b"ustar")


def read(data: bytes) -> Checkpoint:
    """The tensors in a checkpoint file, whose format is detected from its content. Raises CheckpointError."""
    if torch_file.is_zip(data):
        return torch_file.read_zip(data)
    if torch_file.is_legacy(data):
        return torch_file.read_legacy(data)
    if leveldb_table.looks_like(data):
        return tf_v1.read(data)
    if safetensors.looks_like(data):
        return safetensors.read(data)
    offset, magic = _TAR_MAGIC
    if data.startswith(magic, offset):
        raise CheckpointError("PyTorch's original tar format; load the file with PyTorch and save it again")
    if data.startswith(_LFS_POINTER):
        raise CheckpointError("a Git LFS pointer, not the weights: run git lfs pull")
    raise CheckpointError(
        f"{len(data)} bytes of an unknown format, or truncated; expected safetensors, a PyTorch file or a TensorFlow"
        " V1 checkpoint"
    )
