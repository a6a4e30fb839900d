"""Reading published checkpoints without the libraries that wrote them, and writing safetensors.

Reading order: `tensor` (what a reader returns), a reader (`safetensors`; `leveldb_table` and `tf_v1`; `pickle_reader`,
`zip_archive` and `torch_file`), `layouts` and `models` (what is expected of it), `metadata`.
"""

from __future__ import annotations

from . import leveldb_table, safetensors, tf_v1, torch_file
from .tensor import Checkpoint, CheckpointError

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_TAR_MAGIC = (257, b"ustar")


def read(data: bytes) -> Checkpoint:
    """The tensors in a whole checkpoint file of any format known here, told apart by content; CheckpointError."""
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
        raise CheckpointError("PyTorch's first, tar format; load it with PyTorch and save it again")
    if data.startswith(_LFS_POINTER):
        raise CheckpointError("a Git LFS pointer, not the weights: run git lfs pull")
    raise CheckpointError(
        f"{len(data)} bytes of an unknown format, or cut off; expected safetensors, a PyTorch file or a TensorFlow V1"
        " checkpoint"
    )
