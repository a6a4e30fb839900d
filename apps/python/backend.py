"""Builds the wheel and the source distribution (PEP 517), with the standard library, make and a C compiler.

    python3 apps/python/backend.py FOLDER                    # the source distribution
    python3 apps/python/backend.py FOLDER LIBRARY TAG        # a wheel with this library: `make wheel`

The package is this folder. The C sources are two folders up, or in the folder limn/ of a source distribution. The
same files give the same archives.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "limn" if (HERE / "limn").is_dir() else HERE.parents[1]
STB = Path(os.environ.get("STB_FOLDER", "/usr/include/stb"))
LIBRARIES = {"win32": "limn.dll", "darwin": "liblimn.dylib"}
WEIGHTS = ("enhancenet", "siggraph17-photos", "unet-nuclei", "dcgan-landscapes")  # of limn_default_weights
TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can hold


def version() -> str:
    text = (SOURCES / "engine/limn.h").read_text(encoding="utf-8")
    return str(re.findall(r'^#define LIMN_VERSION "(.*)"', text, re.MULTILINE)[0])


def metadata() -> str:
    """The core metadata (PKG-INFO, METADATA) that pyproject.toml states."""
    project = (HERE / "pyproject.toml").read_text(encoding="utf-8")

    def texts(key: str) -> list[str]:
        value = re.findall(rf"^{key} = (\[\n(?:.*\n)*?\]|.*)$", project, re.MULTILINE)[0]
        return re.findall(r'"([^"]*)"', value)

    lines = ["Metadata-Version: 2.4", "Name: limnet", f"Version: {version()}"]
    lines += [f"Summary: {text}" for text in texts("description")]
    lines += [f"Keywords: {','.join(texts('keywords'))}"]
    lines += ["License-Expression: MIT", "License-File: LICENSE"]
    lines += [f"Classifier: {text}" for text in texts("classifiers")]
    lines += [f"Requires-Python: {text}" for text in texts("requires-python")]
    lines += [f"Requires-Dist: {text}" for text in texts("dependencies")]
    for extra in ("pillow", "ray"):
        lines += [f"Provides-Extra: {extra}"]
        lines += [f'Requires-Dist: {text}; extra == "{extra}"' for text in texts(extra)]
    lines += ["Description-Content-Type: text/markdown", ""]
    return "\n".join(lines) + "\n" + (HERE / "README.md").read_text(encoding="utf-8")


def files_below(folder: Path, *endings: str) -> Iterator[Path]:
    """The files with these endings, also those that a link to a folder leads to."""
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if name not in ("__pycache__", "build", ".git"))
        yield from (Path(parent, name) for name in sorted(names) if name.endswith(endings))


def package_files() -> dict[str, bytes]:
    found = files_below(HERE / "limnet", ".py", ".json", "py.typed")
    return {path.relative_to(HERE).as_posix(): path.read_bytes() for path in found}


# ---- the wheel ---------------------------------------------------------------------------


def write_wheel(folder: Path, library: Path, tag: str) -> str:
    """Writes the wheel of a platform and returns its name."""
    info = f"limnet-{version()}.dist-info"
    wheel = f"Wheel-Version: 1.0\nGenerator: limn {version()}\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n"
    files = package_files() | {f"limnet/{library.name}": library.read_bytes()}
    files |= {f"limnet/weights/{name}.safetensors": weights_file(name).read_bytes() for name in WEIGHTS}
    files |= {
        f"{info}/METADATA": metadata().encode(),
        f"{info}/WHEEL": wheel.encode(),
        f"{info}/licenses/LICENSE": license_file().read_bytes(),
    }
    record = "".join(f"{name},sha256={digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    name = f"limnet-{version()}-py3-none-{tag}.whl"
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if path == f"limnet/{library.name}" else 0o644) << 16
            archive.writestr(entry, data)
    return name


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def weights_file(name: str) -> Path:
    return SOURCES / "weights" / f"{name}.safetensors"


def license_file() -> Path:
    return HERE / "LICENSE" if (HERE / "LICENSE").exists() else SOURCES / "LICENSE"


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    """Compiles limn for this machine."""
    name = LIBRARIES.get(sys.platform, "liblimn.so")
    build = HERE / "build"
    flags = f"CFLAGS=-O2 -isystem '{SOURCES / 'foreign'}'"  # stb, in a source distribution
    command = ["make", "-C", str(SOURCES), f"-j{os.cpu_count() or 1}", "BLAS=none", f"BUILD={build}", flags]
    subprocess.run([*command, "bundled", f"BUNDLED={name}"], check=True)
    tag = re.sub(r"[-.]", "_", sysconfig.get_platform())
    return write_wheel(Path(wheel_directory), build / "bundled" / name, tag)


# ---- the source distribution -------------------------------------------------------------


def source_files() -> dict[str, bytes]:
    """The package, the library's C sources with stb's headers, and the weights."""
    files = package_files()
    for name in ("pyproject.toml", "backend.py", "README.md"):
        files[name] = (HERE / name).read_bytes()
    files["LICENSE"] = license_file().read_bytes()
    files["PKG-INFO"] = metadata().encode()
    found = [SOURCES / "Makefile", *map(weights_file, WEIGHTS)]
    for folder in ("engine", "layers", "weights"):
        found += files_below(SOURCES / folder, ".c", ".h", ".map")
    files |= {f"limn/{path.relative_to(SOURCES).as_posix()}": path.read_bytes() for path in found}
    stb = SOURCES / "foreign/stb" if (SOURCES / "foreign/stb").is_dir() else STB
    for name in ("stb_image.h", "stb_image_write.h"):
        files[f"limn/foreign/stb/{name}"] = (stb / name).read_bytes()
    return files


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    top = f"limnet-{version()}"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, data in sorted(source_files().items()):
            entry = tarfile.TarInfo(f"{top}/{path}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    Path(sdist_directory, f"{top}.tar.gz").write_bytes(gzip.compress(packed.getvalue(), mtime=0))
    return f"{top}.tar.gz"


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if len(sys.argv) == 2:
        print(folder / build_sdist(str(folder)))
    else:
        print(folder / write_wheel(folder, Path(sys.argv[2]), sys.argv[3]))


if __name__ == "__main__":
    main()
