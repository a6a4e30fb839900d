"""Reads published checkpoints without the libraries that wrote them, and writes safetensors files.

Read the modules in this order: `tensor` (what a reader returns), one reader (`safetensors`; `leveldb_table` and
`tf_v1`; `zip_archive`, `pickle_reader`, `containers` and `torch_file`), `layouts` (the expected tensors), `models` (the
search for them), `values` and `metadata`, `conversion` (all of this). `file_kinds` names other files; `catalog` and
`download` fetch a checkpoint.
"""

from __future__ import annotations

from . import file_kinds, leveldb_table, safetensors, tf_v1, torch_file
from .tensor import Checkpoint, CheckpointError


def read(data: bytes) -> Checkpoint:
    """The tensors in a checkpoint file, whose format is detected from its content. Raises CheckpointError."""
    if safetensors.looks_like(data):  # first, because the length at its beginning may look like anything
        return safetensors.read(data)
    if torch_file.is_zip(data):
        return torch_file.read_zip(data)
    if torch_file.is_legacy(data):
        return torch_file.read_legacy(data)
    if leveldb_table.looks_like(data):
        return tf_v1.read(data)
    raise file_kinds.refusal(data) or CheckpointError(
        f"{len(data)} bytes of an unknown format, or truncated; expected safetensors, a PyTorch file or a TensorFlow"
        " V1 checkpoint"
    )
