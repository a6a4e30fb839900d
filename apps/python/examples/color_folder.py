"""Colours every picture of a folder: python color_folder.py OLD NEW"""

import sys
from pathlib import Path

import limnet

source, output = Path(sys.argv[1]), Path(sys.argv[2])
output.mkdir(exist_ok=True)
model = limnet.Model("siggraph17-photos")
for path in sorted(source.glob("*.jpg")) + sorted(source.glob("*.png")):
    limnet.colorize(path, model).save(output / f"{path.stem}.png")
    print(path.name)
