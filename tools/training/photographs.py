"""Training photographs whose licences are stated, from Python packages and from collections of wallpapers."""

from __future__ import annotations

import bz2
import importlib.util
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

# (package, file in it, licence that the package states). The held-out photographs are in weights/samples.
PACKAGED = [
    ("skimage", "data/astronaut.png", "public domain (NASA)"),
    ("skimage", "data/rocket.jpg", "public domain (SpaceX)"),
    ("skimage", "data/camera.png", "CC0 (Lav Varshney)"),
    ("skimage", "data/brick.png", "CC0 (CC0Textures)"),
    ("skimage", "data/grass.png", "CC0 (linolafett)"),
    ("skimage", "data/gravel.png", "CC0 (CC0Textures)"),
    ("skimage", "data/coins.png", "no known restrictions (Brooklyn Museum)"),
    ("sklearn", "datasets/images/china.jpg", "CC BY 2.0 (danielbuechele)"),
    ("sklearn", "datasets/images/flower.jpg", "CC BY 2.0 (vultilion)"),
]
# Included in scipy before 1.10, which names its source only: uint8 [768, 1024, 3], compressed with bzip2.
RACCOON = ("scipy/misc/face.dat", (768, 1024, 3), "from public-domain-image.com")

# Of --open: wallpapers of BuddiesOfBudgie/budgie-backgrounds (CC0) and of Debian's package lomiri-wallpapers-16.04,
# whose copyright file states a licence for each. Its pictures under CC BY-SA are left out.
OPEN = {f"cc0_{name}.jpg": "CC0 (budgie-backgrounds)" for name in (
    "beacon-street-sunset", "blue-periwinkle", "canyon-wren", "casa-mila", "extreme-desert-hike", "high-trestle-trail",
    "lake-sherburne", "oakland-zoo-otters", "ocean-waves", "perched-osprey", "piazza-gae-aulenti", "roman-colosseum",
    "saturnian-profile", "singaporean-cityscape", "tea-gardens", "the-spices-of-life",
)} | {"lomiri_seeding_by_Clements_Engelhardt.jpg": "CC0 (Clemens Engelhardt)"} | {
    f"lomiri_{name}.jpg": f"CC BY 4.0 ({author})" for name, author in (
        ("Picture_0B_by_freespace", "Trevor \"Freespace\""), ("Picture_1A_by_freespace", "Trevor \"Freespace\""),
        ("Wine_by_Jakkub_Mede", "Jakub Mede"), ("aitzgorri_by_Aitzol_Berasategi", "Aitzol Berasategi"),
        ("friends_by_Aitzol_Berasategi", "Aitzol Berasategi"), ("life_by_Aitzol_Berasategi", "Aitzol Berasategi"),
        ("picosdeeuropa_by_Aitzol_Berasategi", "Aitzol Berasategi"),
        ("sunset_by_Aitzol_Berasategi", "Aitzol Berasategi"), ("umang_by_Abhishek_Mudgal", "Abhishek Mudgal"),
    )
}  # fmt: skip
VALIDATION = list(OPEN)[3::7]  # every seventh is for picking weights, and not trained on
REDUCED = 1024  # longest side to which they are reduced, because the pixels of a camera's JPEG file are soft


class Photograph(NamedTuple):
    name: str
    image: Image.Image  # RGB
    licence: str
    grey: bool  # has no colours


def packaged() -> list[Photograph]:
    """The photographs in the installed packages scikit-image and scikit-learn."""
    found = []
    for package, inside, licence in PACKAGED:
        spec = importlib.util.find_spec(package)
        if spec is None:
            raise SystemExit(f"error: the package {package}, which has the training photographs, is not installed; "
                             "install it or use --data")  # fmt: skip
        with Image.open(Path(spec.submodule_search_locations[0]) / inside) as image:
            grey = image.mode == "L"
            found.append(Photograph(f"{package}/{inside}", image.convert("RGB"), licence, grey))
    return found


def raccoon(wheel: str) -> Photograph:
    """The large photograph in a scipy wheel before 1.10."""
    inside, shape, licence = RACCOON
    try:
        with zipfile.ZipFile(wheel) as archive:
            pixels = np.frombuffer(bz2.decompress(archive.read(inside)), np.uint8)
    except (zipfile.BadZipFile, KeyError):
        raise SystemExit(f"error: {wheel}: not a wheel with {inside}; use that of scipy 1.9.3") from None
    return Photograph(inside, Image.fromarray(pixels.reshape(shape)), licence, grey=False)


def opened(folder: str) -> list[Photograph]:
    """The photographs of OPEN in a folder that has them all, reduced."""
    found = []
    for name, licence in OPEN.items():
        with Image.open(Path(folder) / name) as image:
            rgb = image.convert("RGB")
        rgb.thumbnail((REDUCED, REDUCED), Image.LANCZOS)
        found.append(Photograph(name, rgb, licence, grey=False))
    return found
