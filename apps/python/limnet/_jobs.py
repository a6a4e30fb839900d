"""What limnet.batch does with one picture: read, process, write; and the name of its output."""

from __future__ import annotations

import io
import json
import os
from typing import Any, NamedTuple

import numpy as np

from ._errors import BY_STATUS, LimnError, UsageError
from ._folders import folder_of
from ._images import Pixels, pixels_of_file, to_pil
from ._pipelines import colorize, model_for, segment, upscale

# As the limn program: these are pictures. Those that cannot be read fail, they are not skipped silently.
PICTURES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm"),
    *(".pam", ".pfm", ".gif", ".webp", ".tif", ".tiff", ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".tga"),
    *(".psd", ".exr", ".hdr", ".qoi"),
)
# The extensions of outputs, and their formats by Pillow's names.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".ppm": "PPM",
    ".pnm": "PPM",
    ".pgm": "PPM",
}
SOME_FAILED, USAGE, INPUT, OUTPUT, MEMORY = 1, 2, 4, 5, 6  # limn_status in limn.h


class Failure(NamedTuple):
    """A line of the report: the picture, a limn_status (or 128 + the signal that ended its process), and why."""

    file: str
    status: int
    reason: str


class Job(NamedTuple):
    """What to do with each picture, in which folders."""

    source: str
    output: str
    task: str  # "colorize", "upscale" or "segment"
    model: str | None = None  # None: the default weights of the task
    scale: int = 4  # of upscale
    view: str = "color"  # of segment: "mask", "color" or "overlay"
    format: str | None = None  # an extension of FORMATS; None: as the picture's
    quality: int = 92  # of JPEG
    threads: int = 1  # of each process


def output_of(job: Job, name: str) -> str:
    """The name of a picture's output, the same as the limn program's in a folder."""
    stem, ending = os.path.splitext(name)
    own = FORMATS.get(ending.lower())
    if job.format:
        keeps = own == FORMATS[job.format] and (ending.lower() == ".pgm") == (job.format == ".pgm")
    else:
        keeps = own is not None and job.task != "segment" and (job.task, ending.lower()) != ("colorize", ".pgm")
    return name if keeps else stem + (job.format or ".png")


def status_of(error: BaseException) -> int:
    for status, kind in BY_STATUS.items():
        if isinstance(error, kind):
            return status
    return MEMORY if isinstance(error, MemoryError) else INPUT


class Pipeline:
    """A job's task with its model, which is loaded once."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.model = model_for(job.task, job.model)

    def __call__(self, pixels: Pixels) -> Pixels:
        if self.job.task == "upscale":
            made: Pixels = upscale(pixels, self.job.scale, self.model)
        elif self.job.task == "colorize":
            made = colorize(pixels, self.model)
        else:
            made = self._segmented(pixels)
        return made

    def _segmented(self, pixels: Pixels) -> Pixels:
        result = segment(pixels, self.model)
        if self.job.view == "overlay":
            made: Pixels = result.overlay()
            return made
        colours = [one.color for one in result.classes]
        values = np.array(colours if self.job.view == "color" else self._mask_values(len(colours)), np.uint8)
        return values[result.mask]

    def _mask_values(self, count: int) -> Any:
        """The values that the weights name, else black and white for a U-Net of two classes, else the classes."""
        text = self.model.metadata("limn.mask_values")
        values = json.loads(text) if text else list(range(count))
        return [0, 255] if values == [0, 1] and (text or self.model.name == "unet") else values


class Pictures:
    """Makes the outputs of a job, one after the other."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.source, self.output = folder_of(job.source), folder_of(job.output)
        self.pipeline = Pipeline(job)

    def make(self, name: str, result: str) -> Failure | None:
        """Makes the output `result` of the picture `name`, unless it exists. Returns what failed."""
        try:
            if self.output.holds(result):  # made by a node that was lost before it could tell
                return None
            pixels = pixels_of_file(io.BytesIO(self.source.read(name)), name)
            data = encoded(self.pipeline(pixels), result, self.job.quality)
        except Exception as error:
            return Failure(name, status_of(error), reason_of(name, error))
        try:
            self.output.write(result, data)
        except OSError as error:
            return Failure(name, OUTPUT, f"{result}: cannot be written: {error.strerror or error}")
        return None


def reason_of(name: str, error: Exception) -> str:
    """A line that names the picture, and the kind of an error that is not limn's."""
    if isinstance(error, OSError):
        return f"{name}: cannot be read: {error.strerror or error}"
    text = str(error) if isinstance(error, LimnError) else f"{type(error).__name__}: {error}"
    return text if name in text else f"{name}: {text}"


def encoded(pixels: Pixels, name: str, quality: int) -> bytes:
    """The file that Pillow's save() writes under this name; JPEG in the program's quality."""
    ending = os.path.splitext(name)[1].lower()
    data = io.BytesIO()
    picture = to_pil(pixels if ending == ".png" else over_white(pixels))
    if ending == ".pgm":
        picture = picture.convert("L")
    options = {"quality": quality, "subsampling": 0 if quality > 90 else 2} if FORMATS[ending] == "JPEG" else {}
    picture.save(data, FORMATS[ending], **options)
    return data.getvalue()


def over_white(pixels: Pixels) -> Pixels:
    """The pixels without alpha, composited over white as the limn program does."""
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels
    alpha = pixels[:, :, 3:].astype(np.uint32)
    return ((pixels[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def check(job: Job) -> None:
    """Fails as every picture would: for bad weights, weights of another task, or a scale that they do not have."""
    if job.format == ".jpg" and job.task == "segment" and job.view == "mask":
        raise UsageError("a mask as JPEG: expected .png, because JPEG changes the values")
    Pipeline(job)(np.zeros((64, 64, 3), np.uint8))
