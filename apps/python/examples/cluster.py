"""Enlarges a column of images in a Ray dataset: each actor loads the weights once.

    python cluster.py FOLDER OUT        # folders or URLs that Ray reads and writes; needs pip install ray[data]
"""

import sys
from typing import Any

import ray

import limnet


class Upscaler:
    def __init__(self) -> None:
        limnet.configure(threads=1)
        self.model = limnet.Model("enhancenet")

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"image": limnet.upscale(row["image"], model=self.model)}


images = ray.data.read_images(sys.argv[1], mode="RGB")
images.map(Upscaler, concurrency=2).write_images(sys.argv[2], column="image", file_format="png")
