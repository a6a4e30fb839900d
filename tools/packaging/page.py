#!/usr/bin/env python3
"""Write the colour page: one HTML file that holds style, script, program and weights.

    page.py SOURCES MODULE OUTPUT --version VERSION WEIGHTS...

SOURCES is apps/page. The modules are joined by esbuild (https://esbuild.github.io), the files are stored in base64.
"""

from __future__ import annotations

import argparse
import base64
import subprocess
from pathlib import Path


def bundled(source: Path) -> str:
    """A module and all that it imports, as one script."""
    command = ["esbuild", "--bundle", "--format=iife", "--target=es2020", "--charset=utf8", "--log-level=warning"]
    return subprocess.run([*command, source], check=True, capture_output=True, encoding="utf-8").stdout


def element(name: str, text: str) -> str:
    """Text that the page does not run."""
    return f'<script type="text/plain" id="{name}">{text}</script>'


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def page(sources: Path, module: Path, weights: list[Path], version: str) -> str:
    data = [element("worker", bundled(sources / "worker.js")), element("wasm", encoded(module))]
    for path in weights:
        data += [element(path.stem, encoded(path)), element(f"{path.stem}-name", path.name)]
    parts = {
        "VERSION": version,
        "STYLE": (sources / "page.css").read_text("utf-8"),
        "DATA": "\n".join(data),
        "SCRIPT": bundled(sources / "main.js"),
    }
    html = (sources / "page.html").read_text("utf-8")
    for name, text in parts.items():
        html = html.replace(f"@{name}@", text)
    return html


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the colour page, one HTML file.")
    parser.add_argument("sources", type=Path)
    parser.add_argument("module", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--version", required=True)
    options = parser.parse_args()
    options.output.write_text(page(options.sources, options.module, options.weights, options.version), "utf-8")


if __name__ == "__main__":
    main()
