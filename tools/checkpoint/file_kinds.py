"""Says what a file is that is no checkpoint, by its beginning: the same table as engine/base/file_kinds.c.

Signatures: the formats' specifications, and file(1)'s magic(5).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .tensor import CheckpointError

BYTES = 512  # of the beginning

_UNPACK, _DOWNLOAD = "unpack it first", "download the file itself"
_ORIGIN = "use the PyTorch or TensorFlow checkpoint that it was made from"
_POWERSHELL = "PowerShell's > writes text like this instead of a program's bytes"
_SHARDS = "the tensors are in the files that it lists: convert that file, or join them if there are several"
_RESAVE = "load the file with PyTorch and save it again"


class _Kind(NamedTuple):
    pattern: bytes  # a regular expression at the beginning of the file
    name: str
    advice: str = ""


_PICTURES = (
    (rb".{8}\0\0\0\x04CgBI", "Apple's CgBI variant of PNG, made for iOS apps"),
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff\xf7", "JPEG-LS"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"BM.{13}\0\0\0", "BMP"),
    (rb"RIFF.{4}WEBP", "WebP"),
    (rb".{4}ftypavi[fs]", "AVIF"),
    (rb".{4}ftyphe[iv]", "HEIC"),
    (rb".{4}ftypm[is]f1", "HEIF"),
    (rb".{4}ftypcrx |IIRO|IIU\0|FUJIFILMCCD-RAW", "a camera's raw format"),
    (rb"II\*\0|MM\0\*", "TIFF (or a camera's raw format)"),
    (rb"II\+\0|MM\0\+", "BigTIFF"),
    (rb"GIF8", "GIF"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000"),
    (rb"8BPS", "Photoshop (PSD)"),
    (rb"gimp xcf", "GIMP (XCF)"),
    (rb"\x76\x2f\x31\x01", "OpenEXR"),
    (rb"#\?R", "Radiance HDR"),
    (rb"DDS ", "DDS"),
    (rb"qoif", "QOI"),
    (rb"\0\0\x01\0", "Windows icon"),
    (rb"\0\0\x02\0", "Windows cursor"),
    (rb"icns", "Apple icon"),
    (rb"\x0a\x05\x01[\x01\x08]", "PCX"),
    (rb"\x01\xda[\0\x01]\x01", "SGI"),
    (rb"\x59\xa6\x6a\x95", "Sun raster"),
    (rb"/\* XPM \*/", "XPM"),
    (rb"\x8aMNG", "MNG"),
    (rb"\x8bJNG", "JNG"),
    (rb"P0CMYK", "PNM with CMYK"),
    (rb"P[1-6][\s#]", "PNM"),
    (rb"P7[\s#]", "PAM (P7)"),
    (rb"P[Ff][\s#]", "PFM"),
    (rb"SIMPLE  =", "FITS"),
    (rb".{128}DICM", "DICOM"),
    (rb"AT&TFORM", "DjVu"),
)
# The first that matches is used.
_KINDS = (
    *(_Kind(pattern, f"a picture ({name})") for pattern, name in _PICTURES),
    _Kind(rb"%PDF-", "a PDF document"),
    _Kind(rb"%!PS", "a PostScript document"),
    _Kind(rb".{4}ftyp", "a video (MP4 or similar)"),
    _Kind(rb".{4}moov", "a video (QuickTime)"),
    _Kind(rb"RIFF.{4}AVI ", "a video (AVI)"),
    _Kind(rb"\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"),
    _Kind(rb"\x80[\x02-\x05]", "a Python pickle that torch.save did not write", "save the state dict with torch.save"),
    _Kind(rb"\x89HDF\r\n\x1a\n", "an HDF5 file, perhaps a Keras model", _ORIGIN),
    _Kind(rb"GGUF", "a GGUF file", _ORIGIN),
    _Kind(rb"\x93NUMPY", "a NumPy array (npy)", _ORIGIN),
    _Kind(rb".{4}TFL3", "a TensorFlow Lite model", _ORIGIN),
    # A ModelProto starts with its ir_version, then the producer's name or the graph.
    _Kind(rb"\x08[\x03-\x1e](\x3a|\x12[^\0][!-~])", "an ONNX model", _ORIGIN),
    _Kind(rb"PK\x05\x06", "an empty zip archive"),
    _Kind(rb"\x1f\x8b", "compressed (gzip)", _UNPACK),
    _Kind(rb"\xfd7zXZ\0", "compressed (xz)", _UNPACK),
    _Kind(rb"\x28\xb5\x2f\xfd", "compressed (Zstandard)", _UNPACK),
    _Kind(rb"BZh.1AY&SY", "compressed (bzip2)", _UNPACK),
    _Kind(rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    _Kind(rb"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    _Kind(rb"(sys_info|pickle|tensors|storages)\0.{240,255}ustar", "PyTorch's original tar format", _RESAVE),
    _Kind(rb".{257}ustar", "a tar archive", _UNPACK),
    _Kind(rb"version https://git-lfs", "a Git LFS pointer", "git lfs pull fetches the file"),
    _Kind(rb"\xff\xfe|\xfe\xff", "UTF-16 text", _POWERSHELL),
)
# Of text, without its byte order mark and the white space before it.
_TEXTS = (
    _Kind(rb"<.*<svg|<svg", "a vector drawing (SVG)"),
    _Kind(rb"(?i)<!doctype html|<html|<head|<body|<script|<!--|<.*<html", "a web page (HTML)", _DOWNLOAD),
    _Kind(rb"<\?xml", "XML text", _DOWNLOAD),
    _Kind(rb'[{\[].*"weight_map"', "the JSON index of sharded weights", _SHARDS),
    _Kind(rb"[{\[]", "JSON text", _DOWNLOAD),
    _Kind(rb"model_checkpoint_path:", "TensorFlow's list of checkpoints", "convert the file that it names"),
    _Kind(rb"", "text", _DOWNLOAD),
)
_IS_TEXT = re.compile(rb"(?:\xef\xbb\xbf)?\s*([^\0-\x08\x0e-\x1f\x7f]+)")


def refusal(data: bytes) -> CheckpointError | None:
    """What a file is that is no checkpoint, and what to do; None if its beginning is unknown."""
    beginning = data[:BYTES]
    if not data:
        return _not_a_checkpoint("an empty file", _DOWNLOAD)
    text = _IS_TEXT.fullmatch(beginning)
    for kinds, start in ((_KINDS, beginning), (_TEXTS, text[1] if text else None)):
        for kind in kinds if start is not None else ():
            if re.match(kind.pattern, start, re.DOTALL):
                return _not_a_checkpoint(kind.name, kind.advice)
    return None


def zip_refusal(names: list[str]) -> CheckpointError:
    """What a zip archive is that PyTorch did not write, by the names of its entries."""
    if any(name.endswith(".npy") for name in names):
        return _not_a_checkpoint("a NumPy archive (npz)", _ORIGIN)
    if "model.weights.h5" in names:
        return _not_a_checkpoint("a Keras model", _ORIGIN)
    return _not_a_checkpoint("a zip archive without an entry */data.pkl", _UNPACK)


def _not_a_checkpoint(name: str, advice: str) -> CheckpointError:
    return CheckpointError(f"is {name}, not a checkpoint{f'; {advice}' if advice else ''}")
