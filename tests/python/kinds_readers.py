"""Pictures as other programs write them, files that are none, folders, and weights of other kinds."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from cli_support import WEIGHTS, fails, limn, pixels, png_chunk, ppm, succeeds
from decode_support import decode
from kinds import kind
from PIL import Image
from png_writer import END, SIGNATURE, header, png_file, stream

E_WEIGHTS, E_INPUT = 3, 4
RANDOM = np.random.default_rng(16)

# Pictures

RGB = RANDOM.integers(0, 256, (9, 11, 3))
GREY, INDICES = RGB[..., :1], RGB[..., :1] & 15
PACKED = zlib.compress(stream(RGB, 8))
PALETTE = png_chunk(b"PLTE", bytes(RANDOM.integers(0, 256, 48, np.uint8)))
EXIF = b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"


def rgb(**how: bytes) -> bytes:
    return png_file(RGB, 8, 2, **how)


def in_pieces(*pieces: bytes) -> bytes:
    return SIGNATURE + header(11, 9, 8, 2) + b"".join(png_chunk(b"IDAT", piece) for piece in pieces) + END


def animation(*chunks: tuple[bytes, bytes]) -> bytes:
    control = png_chunk(b"acTL", struct.pack(">II", 2, 0))
    return SIGNATURE + header(11, 9, 8, 2) + control + b"".join(png_chunk(*chunk) for chunk in chunks) + END


def frame(number: int) -> tuple[bytes, bytes]:
    return b"fcTL", struct.pack(">IIIIIHHBB", number, 11, 9, 0, 0, 1, 10, 0, 0)


def bmp(bits: int, rows: bytes, palette: bytes = b"", *, compression: int = 0, offset: int | None = None) -> bytes:
    """A BMP of 5 x 4 pixels."""
    info = struct.pack("<IiiHHIIiiII", 40, 5, 4, 1, bits, compression, 0, 2835, 2835, 0, 0) + palette
    start = 14 + len(info) if offset is None else offset
    return b"BM" + struct.pack("<IHHI", 14 + len(info) + len(rows), 0, 0, start) + info + rows


COLOURS = bytes(RANDOM.integers(0, 256, (256, 4), np.uint8) & np.array([255, 255, 255, 0], np.uint8))
RUNS = b"\3\1\2\2\0\0" + b"\0\5\1\2\3\4\5\0\0\0" + b"\5\7\0\0" + b"\1\1\4\2\0\1"
RAW = bytes(RANDOM.integers(0, 256, 12, np.uint8))

PICTURES: dict[str, dict[str, bytes]] = {
    "PNG without its end": {
        "no IEND": rgb(end=b""),
        "no IEND, nor the checksum of the data": rgb(end=b"")[:-4],
        "cut in the last 4 bytes": rgb()[:-2],
        "zeros instead of IEND": rgb(end=bytes(40)),
        "text after IEND": rgb() + b"written by hand",
    },
    "PNG with tRNS out of place": {
        "beside alpha": png_file(pixels(9, 11, 4).astype(int), 8, 6, before=png_chunk(b"tRNS", bytes(6))),
        "beside grey and alpha": png_file(pixels(9, 11, 2).astype(int), 8, 4, before=png_chunk(b"tRNS", bytes(2))),
        "after the data": rgb(after=png_chunk(b"tRNS", bytes(6))),
        "too long for grey": png_file(GREY, 8, 0, before=png_chunk(b"tRNS", b"\0\7\0\0")),
        "before the palette": png_file(INDICES, 4, 3, before=png_chunk(b"tRNS", b"\1\2") + PALETTE),
    },
    "PNG with PLTE out of place": {
        "RGB with half a colour": rgb(before=png_chunk(b"PLTE", bytes(13))),
        "grey with 300 colours": png_file(GREY, 8, 0, before=png_chunk(b"PLTE", bytes(900))),
        "after the data": png_file(INDICES, 4, 3, before=PALETTE, after=PALETTE),
        "indices beyond the palette": png_file(INDICES, 4, 3, before=png_chunk(b"PLTE", bytes(range(30)))),
    },
    "PNG with odd chunks": {
        "a critical chunk of RGB that is empty": rgb(before=png_chunk(b"PLTE", b"")),
        "empty pieces of data": in_pieces(b"", PACKED[:5], b"", b"", PACKED[5:], b""),
        "bytes after the zlib stream": in_pieces(PACKED + b"junk"),
        "IEND with a wrong checksum": rgb()[:-4] + b"oops",
    },
    "APNG": {
        "its first frame is the picture": animation(
            frame(0), (b"IDAT", PACKED), frame(1), (b"fdAT", bytes([0, 0, 0, 2]) + PACKED[::-1])
        ),
        "its picture is no frame": animation((b"IDAT", PACKED), frame(0), (b"fdAT", bytes([0, 0, 0, 1]) + PACKED)),
        "without its end": animation(frame(0), (b"IDAT", PACKED), frame(1))[:-12],
    },
    "BMP of other programs": {
        "runs of 8 bits": bmp(8, RUNS, COLOURS, compression=1),
        "runs of 4 bits": bmp(4, b"\5\x12\0\0" * 4 + b"\0\1", COLOURS[:64], compression=2),
        "offset of the pixels 0": bmp(8, bytes(range(32)), COLOURS, offset=0),
        "offset of the palette": bmp(8, bytes(range(32)), COLOURS, offset=54),
        "masks of zero": bmp(32, bytes(12) + bytes(range(1, 81)), compression=3, offset=66),
    },
    "PNM comments": {
        "inside a number": b"P6\n2 2\n2#half\n55\n" + RAW,
        "inside the width, to a carriage return": b"P6\n#a\r0#b\r2 2\n255\n" + RAW,
        "between the last number and the samples": b"P6\n2 2\n255#c\n\n" + RAW,
        "after every number of plain samples": b"P2\n2 2\n9\n1 #d\n2 #e\r\n3 # f\n4 #g",
    },
}


def read_as_pillow(folder: Path, data: bytes) -> str:
    path = folder / "picture"
    path.write_bytes(data)
    (got,) = decode([path], stored=True)
    with Image.open(path) as image:
        image.load()
        alpha = image.mode in ("RGBA", "LA") or ("transparency" in image.info and got.pixels.shape[2] == 4)
        want = np.asarray(image.convert("RGBA" if alpha else "RGB"))
    assert got.pixels is not None, got.message
    assert got.pixels.shape == want.shape and (got.pixels == want).all()
    return "read, equal to Pillow"


@kind("PNG with odd chunks", "Exif and two zeros inside eXIf", before="read, not turned upright")
def exif_with_prefix(folder: Path) -> str:
    path = folder / "picture"
    path.write_bytes(rgb(before=png_chunk(b"eXIf", b"Exif\0\0" + EXIF)))  # Pillow 9.4 reads it, but cannot turn it
    (got,) = decode([path])
    assert got.pixels is not None and (got.pixels == np.rot90(RGB, -1)).all()
    return "read and turned upright"


# Files that are no pictures and no weights


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"data")
    return out.getvalue()


PNG = rgb()
CGBI = SIGNATURE + png_chunk(b"CgBI", b"\x50\0\x20\2") + header(11, 9, 8, 6) + png_chunk(b"IDAT", PACKED[2:-4]) + END
HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n"
INDEX = json.dumps({"metadata": {"total_size": 9}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}).encode()
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
LEGACY = b"\x80\2\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19." + bytes(40)
CONVERT = "; convert it with: limn-convert CHECKPOINT -o NAME.safetensors"
ORIGIN = "; use the PyTorch or TensorFlow checkpoint that it was made from"
TO_PNG = "; convert it to PNG, JPEG, BMP or PNM"

# Content, the name of the file, what limn says of it as a picture, and as weights; "" is not tried.
FOREIGN: dict[str, tuple[bytes, str, str]] = {
    "a web page": (
        HTML,
        "is a web page (HTML), not a picture; download the file itself",
        "is a web page (HTML), not safetensors; download the file itself",
    ),
    "a Git LFS pointer": (
        POINTER,
        "is a Git LFS pointer, not a picture; git lfs pull fetches the file",
        "is a Git LFS pointer, not safetensors; git lfs pull fetches the file",
    ),
    "text in UTF-16": (
        "P2 1 1 9 5\n".encode("utf-16"),
        "is UTF-16 text, not a picture; PowerShell's > writes",
        "is UTF-16 text, not safetensors; PowerShell's > writes",
    ),
    "gzip": (
        gzip.compress(PNG),
        "is compressed (gzip), not a picture; unpack it first",
        "is compressed (gzip), not safetensors; unpack it first",
    ),
    "a zip archive": (
        zipped("photo.png"),
        "is a zip archive, not a picture; unpack it first",
        "is a zip archive, not safetensors" + CONVERT,
    ),
    "an HDF5 file": (
        b"\x89HDF\r\n\x1a\n" + bytes(40),
        "is an HDF5 file",
        "is an HDF5 file, perhaps a Keras model, not safetensors" + ORIGIN,
    ),
    "a PDF": (
        b"%PDF-1.4\n" + bytes(40),
        "is a PDF document, not a picture; export its",
        "is a PDF document, not safetensors",
    ),
    "an MP4 video": (
        b"\0\0\0\x20ftypisom" + bytes(40),
        "is a video (MP4 or similar), not a picture; extract its frames as PNG or PNM",
        "is a video (MP4 or similar), not safetensors",
    ),
    "a drawing (SVG)": (
        b'<?xml version="1.0"?>\n<svg width="9"/>',
        "is a vector drawing (SVG), not a picture; render it",
        "",
    ),
    "a WebP": (
        b"RIFF\x24\0\0\0WEBPVP8 " + bytes(40),
        "not a picture limn reads (WebP)" + TO_PNG,
        "is a picture (WebP), not safetensors",
    ),
    "a HEIC": (
        b"\0\0\0\x18ftypheic" + bytes(40),
        "not a picture limn reads (HEIC)" + TO_PNG,
        "is a picture (HEIC), not safetensors",
    ),
    "a TIFF": (b"II*\0\x08\0\0\0" + bytes(40), "not a picture limn reads (TIFF", "is a picture (TIFF"),
    "Apple's CgBI PNG": (
        CGBI,
        "not a picture limn reads (Apple's CgBI variant of PNG",
        "is a picture (Apple's CgBI variant of PNG",
    ),
    "a PNG": (PNG, "", "is a picture (PNG), not safetensors"),
    "a PPM": (ppm(pixels(3, 3)), "", "is a picture (PNM), not safetensors"),
    "a safetensors file": (WEIGHTS.read_bytes(), "is a safetensors file, not a picture", ""),
    "an index of sharded weights": (
        INDEX,
        "is the JSON index of sharded weights, not a picture",
        "is the JSON index of sharded weights, not safetensors; the tensors are in the files that it lists",
    ),
    "an npz": (zipped("a.npy"), "is a NumPy archive (npz)", "is a NumPy archive (npz), not safetensors" + ORIGIN),
    "an ONNX model": (b"\x08\x07\x12\x07pytorch\x1a\x051.9.0", "", "is an ONNX model, not safetensors" + ORIGIN),
    "a GGUF file": (b"GGUF\3\0\0\0" + bytes(40), "", "is a GGUF file, not safetensors" + ORIGIN),
    "a PyTorch checkpoint": (
        zipped("archive/data.pkl"),
        "is a PyTorch checkpoint (zip), not a picture",
        "is a PyTorch checkpoint (zip), not safetensors" + CONVERT,
    ),
    "a PyTorch checkpoint of before 2020": (
        LEGACY,
        "is a PyTorch checkpoint (legacy format), not a picture",
        "is a PyTorch checkpoint (legacy format), not safetensors" + CONVERT,
    ),
}


def refused_as_picture(folder: Path, data: bytes, words: str) -> str:
    (folder / "x.png").write_bytes(data)
    message = fails(E_INPUT, "upscale", "-m", WEIGHTS, "x.png", "-o", "out.png", cwd=folder)
    assert f"x.png: {words}" in message, message
    return message.removeprefix("limn: x.png: ").rstrip()


def refused_as_weights(folder: Path, data: bytes, words: str) -> str:
    (folder / "w.safetensors").write_bytes(data)
    message = fails(E_WEIGHTS, "verify", "w.safetensors", cwd=folder)
    assert f"w.safetensors: {words}" in message, message
    return message.removeprefix("limn: w.safetensors: ").rstrip()


# Weights


def safetensors(header: str, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header.encode() + data


def tensor(name: str, begin: int, end: int, dtype: str = "F32") -> str:
    shape = [(end - begin) // (8 if dtype == "F64" else 4)]
    return f'"{name}": ' + json.dumps({"dtype": dtype, "shape": shape, "data_offsets": [begin, end]})


def tensors(*names: str) -> bytes:
    entries = [tensor(name, 4 * i, 4 * i + 4) for i, name in enumerate(names)]
    return safetensors("{" + ", ".join(entries) + "}", bytes(4 * len(names)))


def demo(prefix: str = "", doubles: bool = False) -> bytes:
    """The small EnhanceNet of the tests with other names, or in 64 bits."""
    data = WEIGHTS.read_bytes()
    size = int.from_bytes(data[:8], "little")
    entries, body = {}, b""
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[8 + size + begin : 8 + size + end], "<f4" if entry["dtype"] == "F32" else "<f2")
        part = values.astype("<f8" if doubles else values.dtype).tobytes()
        dtype = "F64" if doubles else entry["dtype"]
        entries[prefix + name] = {
            "dtype": dtype,
            "shape": entry["shape"],
            "data_offsets": [len(body), len(body) + len(part)],
        }
        body += part
    return safetensors(json.dumps(entries), body)


def padded(size: int) -> bytes:
    """The weights of the tests with a header of this size."""
    data = WEIGHTS.read_bytes()
    old = int.from_bytes(data[:8], "little")
    text = data[8 : 8 + old].rstrip().ljust(size)
    assert len(text) == size
    return struct.pack("<Q", size) + text + data[8 + old :]


INVALID = "not a valid safetensors file: "
BACKBONE = ("backbone.0.0.weight", "backbone.1.block.0.0.weight")
ON_MOBILENET = "are those of a DeepLabV3 or LR-ASPP on MobileNet, a DeepLabV3 on ResNet-50 or ResNet-101 expected"

REFUSED_WEIGHTS: dict[str, dict[str, tuple[bytes, str]]] = {
    "tensor named twice": {
        "at the same place": (
            safetensors("{%s, %s}" % (tensor("a", 0, 4), tensor("a", 0, 4)), bytes(4)),
            INVALID + "tensor a occurs twice",
        ),
        "beyond the end": (
            safetensors("{%s, %s}" % (tensor("a", 0, 4), tensor("a", 8, 12)), bytes(8)),
            INVALID + "tensor a occurs twice",
        ),
        "with a gap before it": (
            safetensors("{%s, %s}" % (tensor("b", 4, 8), tensor("b", 8, 12)), bytes(12)),
            INVALID + "tensor b occurs twice",
        ),
    },
    "metadata that is no text": {
        "null": (
            safetensors('{"__metadata__": {"epoch": null}}'),
            INVALID + "metadata key epoch: null, a string was expected",
        ),
        "a number": (
            safetensors('{"__metadata__": {"a": "b", "step": 7}}'),
            INVALID + "metadata key step: a number, a string was expected",
        ),
        "a list": (
            safetensors('{"__metadata__": {"classes": ["a"]}}'),
            INVALID + "metadata key classes: an array, a string was expected",
        ),
    },
    "weights that the converter makes usable": {
        "64-bit floats": (
            demo(doubles=True),
            "tensor generator/Conv/weights is F64; F32, F16 or BF16 expected" + CONVERT,
        ),
        "names with module.": (
            demo("module."),
            'its tensors with the prefix "module." are those of enhancenet' + CONVERT,
        ),
        "names with netG.module.": (
            demo("netG.module."),
            'its tensors with the prefix "netG.module." are those of enhancenet' + CONVERT,
        ),
        "a U-Net of 2019": (
            tensors("inc.conv.conv.0.weight", "outc.conv.weight"),
            "its tensors are those of unet, with names from before 2020" + CONVERT,
        ),
    },
    "MobileNet backbone": {
        "DeepLabV3": (tensors(*BACKBONE, "classifier.0.project.0.weight"), "its tensors " + ON_MOBILENET),
        "LR-ASPP": (tensors(*BACKBONE, "classifier.cbr.0.weight"), "its tensors " + ON_MOBILENET),
        "with the prefix of DataParallel": (
            tensors(*(f"module.{name}" for name in BACKBONE)),
            'its tensors with the prefix "module." ' + ON_MOBILENET,
        ),
    },
}


def read_weights(folder: Path, data: bytes) -> str:
    (folder / "w.safetensors").write_bytes(data)
    succeeds("verify", "w.safetensors", cwd=folder)
    return "read"


# Folders


def upscale_folder(folder: Path, files: Mapping[str, bytes]) -> tuple[int, list[str], list[str]]:
    """The exit code, the lines of messages, the names written."""
    (folder / "in").mkdir()
    for name, data in files.items():
        (folder / "in" / name).write_bytes(data)
    done = limn("upscale", "-m", WEIGHTS, "in", "-o", "out", cwd=folder)
    written = sorted(path.name for path in (folder / "out").iterdir()) if (folder / "out").is_dir() else []
    return done.returncode, done.stderr.decode().splitlines(), written


@kind("pictures in a folder", "endings .jfif .jpe .dib .apng, and none", before="refused: no pictures in this folder")
def other_endings(folder: Path) -> str:
    jpeg = io.BytesIO()
    Image.fromarray(pixels(4, 4)).save(jpeg, "JPEG")
    names = {"a.jfif": jpeg.getvalue(), "b.jpe": jpeg.getvalue(), "c.apng": PNG, "IMG_0001": PNG}
    assert upscale_folder(folder, names) == (0, [], ["IMG_0001.png", "a.png", "b.png", "c.png"])
    return "all read"


@kind("pictures in a folder", "formats that limn does not read, by ending or content", before="skipped in silence, exit code 0")
def other_formats(folder: Path) -> str:
    heic = b"\0\0\0\x18ftypheic" + bytes(40)
    code, lines, written = upscale_folder(
        folder, {"a.png": PNG, "b.jxl": b"\xff\x0a" + bytes(40), "c": heic, "d.jpe": b""}
    )
    assert code == 1 and written == ["a.png"] and lines[-1] == "limn: 3 of 4 pictures failed"
    assert "JPEG XL" in lines[0] and "HEIC" in lines[1] and "d.jpe: the file is empty" in lines[2]
    return "each is a failure"


@kind("pictures in a folder", "text, a PDF, an SVG, weights, .DS_Store, ._a.png, an empty file", before="left alone")
def no_pictures(folder: Path) -> str:
    files = {
        "a.png": PNG, "notes.txt": b"P5 is a piston", "b.pdf": b"%PDF-1.4\n", "c.svg": b"<svg/>", "page.html": HTML,
        "w.safetensors": WEIGHTS.read_bytes(), ".DS_Store": PNG, "._a.png": bytes(120), "empty": b"",
    }  # fmt: skip
    assert upscale_folder(folder, files) == (0, [], ["a.png"])
    return "left alone"


@kind("pictures in a folder", "a web page named photo.jpg", before="refused: starts with 3c 21 44 4f 43 54 59 50")
def page_as_photo(folder: Path) -> str:
    code, lines, written = upscale_folder(folder, {"a.png": PNG, "photo.jpg": HTML})
    assert code == 1 and written == ["a.png"] and "photo.jpg: is a web page (HTML), not a picture" in lines[0]
    return "a failure"


# What is lost

DEEP = png_file(RGB.repeat(2, axis=0) * 257, 16, 2)
GAMMA, COLOUR_SPACE = png_chunk(b"gAMA", struct.pack(">I", 100000)), png_chunk(b"cICP", b"\x09\x10\0\1")

LOST: dict[str, tuple[bytes, str]] = {
    "16 bits a sample": (DEEP, "16 bits a sample are reduced to 8"),
    "16 bits a sample in PNM": (b"P5 1 1 65535\nab", "16 bits a sample are reduced to 8"),
    "a linear gamma (gAMA 1)": (rgb(before=GAMMA), "the gamma (gAMA 1) is not that of sRGB and is ignored"),
    "a linear gamma, and sRGB": (rgb(before=GAMMA + png_chunk(b"sRGB", b"\0")), ""),
    "cICP of Rec. 2100": (rgb(before=COLOUR_SPACE), "the colour space (cICP) is not sRGB and is ignored"),
    "cHRM of other primaries": (
        rgb(before=png_chunk(b"cHRM", struct.pack(">8I", *range(10000, 90000, 10000)))),
        "the primaries (cHRM) are not those of sRGB and are ignored",
    ),
}


def noted(folder: Path, data: bytes, note: str) -> str:
    (folder / "x.png").write_bytes(data)
    done = limn("upscale", "-m", WEIGHTS, "x.png", "-o", "out.png", cwd=folder)
    assert (done.returncode, done.stderr.decode()) == (0, f"limn: x.png: {note}\n" if note else "")
    return f"a note: {note}" if note else "no note: sRGB counts"


@kind("what is lost", "a folder of twelve 16-bit scans", before="no note")
def noted_once(folder: Path) -> str:
    code, lines, _ = upscale_folder(folder, {f"{i:02}.png": DEEP for i in range(12)})
    note = "16 bits a sample are reduced to 8"
    assert (code, lines) == (0, [f"limn: in/00.png: {note}", f"limn: 11 more pictures: {note}"])
    return "said once, with the number of the others"


# The rows of the tables above

# What the program said before.
BEFORE: dict[str, dict[str, str]] = {
    "PNG without its end": {
        "no IEND": "refused: PNG data ends early (362 bytes)",
        "no IEND, nor the checksum of the data": "refused: PNG data ends early (358 bytes)",
        "cut in the last 4 bytes": "refused: PNG data ends early (372 bytes)",
        "zeros instead of IEND": "refused: PNG chunk at byte 362 fails its checksum",
        "text after IEND": "read",
    },
    "PNG with tRNS out of place": {
        "beside alpha": "refused: PNG data cannot be decoded (tRNS with alpha)",
        "beside grey and alpha": "refused: PNG data cannot be decoded (tRNS with alpha)",
        "after the data": "refused: PNG data cannot be decoded (tRNS after IDAT)",
        "too long for grey": "refused: PNG data cannot be decoded (bad tRNS len)",
        "before the palette": "refused: PNG data cannot be decoded (tRNS before PLTE)",
    },
    "PNG with PLTE out of place": {
        "RGB with half a colour": "refused: PNG palette of 13 bytes",
        "grey with 300 colours": "refused: PNG palette of 900 bytes",
        "after the data": "refused: PNG palette of 48 bytes after the data",
        "indices beyond the palette": "read, black where Pillow is grey",
    },
    "PNG with odd chunks": {
        "a critical chunk of RGB that is empty": "refused: PNG palette of 0 bytes",
        "empty pieces of data": "read",
        "bytes after the zlib stream": "read",
        "IEND with a wrong checksum": "refused: PNG chunk at byte 362 fails its checksum",
    },
    "APNG": {
        "its first frame is the picture": "read",
        "its picture is no frame": "read",
        "without its end": "refused: PNG data ends early (458 bytes)",
    },
    "BMP of other programs": {
        "runs of 8 bits": "refused: BMP with run-length compression 1 is not supported",
        "runs of 4 bits": "refused: BMP with run-length compression 2 is not supported",
        "offset of the pixels 0": "refused: BMP with pixels at byte 0 is not supported",
        "offset of the palette": "read, the palette taken for pixels",
        "masks of zero": "refused: BMP with a colour mask 0 is not supported",
    },
    "PNM comments": {
        "inside a number": "refused: PNM header ends with '#' at byte 8, whitespace expected",
        "inside the width, to a carriage return": "refused: a picture of 0 x 2 pixels, at least 1 x 1 expected",
        "between the last number and the samples": "refused: PNM header ends with '#' at byte 10, whitespace expected",
        "after every number of plain samples": "read",
    },
    "no picture": {
        "a web page": "starts with 3c 21 44 4f 43 54 59 50",
        "a Git LFS pointer": "starts with 76 65 72 73 69 6f 6e 20",
        "text in UTF-16": "starts with ff fe 50 00 32 00 20 00",
        "gzip": "starts with 1f 8b 08 00 7b 2a 0b 6b",
        "a zip archive": "starts with 50 4b 03 04 14 00 00 00",
        "an HDF5 file": "starts with 89 48 44 46 0d 0a 1a 0a",
        "a PDF": "not a picture limn reads (PDF); convert it to PNG, JPEG, BMP or PNM",
        "an MP4 video": "not a picture limn reads (MP4 or similar); convert it to PNG, JPEG, BMP or PNM",
        "a drawing (SVG)": "not a picture limn reads (SVG or other XML); convert it to PNG, JPEG, BMP or PNM",
        "a WebP": "not a picture limn reads (WebP); convert it to PNG, JPEG, BMP or PNM",
        "a HEIC": "not a picture limn reads (HEIC); convert it to PNG, JPEG, BMP or PNM",
        "a TIFF": "not a picture limn reads (TIFF (or a camera's raw format)); convert it to PNG, JPEG, BMP or PNM",
        "Apple's CgBI PNG": "PNG starts with a 4-byte chunk 'CgBI', 13 bytes of 'IHDR' expected",
        "a safetensors file": "starts with f8 04 00 00 00 00 00 00",
        "an index of sharded weights": "starts with 7b 22 6d 65 74 61 64 61",
        "an npz": "starts with 50 4b 03 04 14 00 00 00",
        "a PyTorch checkpoint": "starts with 50 4b 03 04 14 00 00 00",
        "a PyTorch checkpoint of before 2020": "starts with 80 02 8a 0a 6c fc 9c 46",
    },
    "no weights": {
        "a web page": "header size 5789751444030890300",
        "a Git LFS pointer": "header size 2336927755350992246",
        "text in UTF-16": "header size 9007414008413951",
        "gzip": "header size 7713305494572010271",
        "a zip archive": "is a PyTorch checkpoint (zip), not safetensors; convert it",
        "an HDF5 file": "is an HDF5 file, perhaps a Keras model, not safetensors; convert it",
        "a PDF": "header size 3759996809423114277",
        "an MP4 video": "header size 8104636986402275328",
        "a WebP": "header size 155797834066",
        "a HEIC": "header size 8104636986268057600",
        "a TIFF": "header size 34362509641",
        "Apple's CgBI PNG": "header size 727905341920923785",
        "a PNG": "header size 727905341920923785",
        "a PPM": "header size 3611943114540856912",
        "an index of sharded weights": "header size 7017841271895827067",
        "an npz": "is a PyTorch checkpoint (zip), not safetensors; convert it",
        "an ONNX model": "header size 8031177557570357000",
        "a GGUF file": "is a GGUF file, not safetensors; convert it",
        "a PyTorch checkpoint": "is a PyTorch checkpoint (zip), not safetensors; convert it",
        "a PyTorch checkpoint of before 2020": "is a PyTorch checkpoint (legacy format), not safetensors; convert it",
    },
    "tensor named twice": {
        "at the same place": "tensor a: begins at offset 0, 4 expected (gap or overlap)",
        "beyond the end": "tensor a: begins at offset 8, 4 expected (gap or overlap)",
        "with a gap before it": "tensor b: begins at offset 4, 0 expected (gap or overlap)",
    },
    "metadata that is no text": {
        "null": "header byte 27: a string was expected",
        "a number": "header byte 36: a string was expected",
        "a list": "header byte 29: a string was expected",
    },
    "weights that the converter makes usable": {
        "64-bit floats": "tensor generator/Conv/weights is F64; 4 positive dimensions of F32, F16 or BF16 expected",
        "names with module.": "its tensors match none of the known networks",
        "names with netG.module.": "its tensors match none of the known networks",
        "a U-Net of 2019": "its tensors match none of the known networks",
    },
    "MobileNet backbone": {
        "DeepLabV3": "its tensors match none of the known networks",
        "LR-ASPP": "its tensors match none of the known networks",
        "with the prefix of DataParallel": "its tensors match none of the known networks",
    },
    "what is lost": {
        "16 bits a sample": "no note",
        "16 bits a sample in PNM": "no note",
        "a linear gamma (gAMA 1)": "no note",
        "a linear gamma, and sRGB": "no note",
        "cICP of Rec. 2100": "no note",
        "cHRM of other primaries": "no note",
    },
}


def add(name: str, what: str, run: Callable[..., str], *arguments: object) -> None:
    kind(name, what, before=BEFORE[name][what])(lambda folder: run(folder, *arguments))


for name, pictures in PICTURES.items():
    for what, data in pictures.items():
        add(name, what, read_as_pillow, data)
for what, (data, as_picture, as_weights) in FOREIGN.items():
    if as_picture:
        add("no picture", what, refused_as_picture, data, as_picture)
    if as_weights:
        add("no weights", what, refused_as_weights, data, as_weights)
for name, weights in REFUSED_WEIGHTS.items():
    for what, (data, words) in weights.items():
        add(name, what, refused_as_weights, data, words)
for size in (1408, 1664, 8320):
    kind("safetensors taken for a pickle", f"a header of {size} bytes", before="is a Python pickle, not safetensors")(
        lambda folder, size=size: read_weights(folder, padded(size))
    )
for what, (data, note) in LOST.items():
    add("what is lost", what, noted, data, note)
