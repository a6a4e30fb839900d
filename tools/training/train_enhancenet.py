#!/usr/bin/env python3
"""Train demo weights for limn's enhancenet graph: 4x super-resolution, for PSNR.

Needs torch, numpy and pillow, and scikit-image and scikit-learn for the default pictures.

The graph is that of EnhanceNet (Sajjadi, Schoelkopf, Hirsch 2017, "EnhanceNet: Single Image Super-Resolution Through
Automated Texture Synthesis", table 1) as in the authors' released program, so the weights can be used wherever the
published ones can. Width and number of blocks are free, because limn reads both from the shapes. The published weights
were trained with a perceptual, an adversarial and a texture loss; this program minimises the pixel error, so its
weights give faithful rather than crisp pictures.

Low-resolution inputs are made with Pillow's antialiased bicubic Image.resize, which uses half-pixel centres. The
bicubic resize inside the graph uses TensorFlow 1's legacy coordinates, which shift the picture by 1.5 output pixels;
the network learns to undo that shift along with the blur. With --jpeg they are also compressed, and the network learns
to undo that too.
"""

from __future__ import annotations

import argparse
import copy
import functools
import hashlib
import io
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checkpoint.metadata import Choices

from training import folders, loop, photographs, record, text
from training.network import read_weights
from training.options import parsed, parser, run

SCALE = 4
MEAN = (0.47614917, 0.45001204, 0.40904046)  # of RGB/255, from the released program
SAMPLES = Path(__file__).resolve().parents[2] / "weights" / "samples"
PHOTOGRAPHS = ("chelsea.png", "coffee.png")  # in SAMPLES
QUALITIES = (25, 91)  # of the JPEG files of --jpeg, from and below
MEASURED_QUALITIES = (30, 50, 75)  # of the held-out pictures with --jpeg, in turn
MIDDLE = 512  # side of the part of a validation photograph that is enlarged for the curve

EPILOG = """\
example (demo weights from ten photographs, about an hour on one core):
  pip download --no-deps --only-binary :all: --python-version 3.11 scipy==1.9.3
  python3 tools/training/train_enhancenet.py --raccoon scipy-1.9.3-*.whl -o enhancenet.pth

example (weights for compressed pictures, from those):
  python3 tools/training/train_enhancenet.py --jpeg --init enhancenet.pth --rate 4e-4 --steps 2600 \\
      -o enhancenet-jpeg.pth

example (your own pictures, starting from existing weights):
  python3 tools/training/train_enhancenet.py --data ~/photos --init enhancenet.safetensors \\
      --rate 2e-4 --steps 4000 -o mine.pth
"""

# ---- The graph ---------------------------------------------------------------


def bicubic_matrix(n: int) -> torch.Tensor:
    """Weights of TensorFlow 1's bicubic x4 along one axis: float32 [4n, n].

    Output i reads the four inputs around i/4 (legacy coordinates: no half-pixel offset), edges clamped, with Keys'
    kernel at A = -0.75. TensorFlow looks the kernel up in a table of 1024 steps; i/4 only ever falls on the fractions
    0, 1/4, 1/2 and 3/4, which the table holds exactly, so no table is needed here.
    """
    a = -0.75

    def near(t: float) -> float:  # |t| <= 1
        return ((a + 2) * t - (a + 3)) * t * t + 1

    def far(t: float) -> float:  # 1 <= |t| <= 2
        return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    m = np.zeros((SCALE * n, n))
    for i in range(SCALE * n):
        base, t = i // SCALE, (i % SCALE) / SCALE
        taps = (far(t + 1), near(t), near(1 - t), far(2 - t))
        for k, w in zip(range(base - 1, base + 3), taps):
            m[i, min(max(k, 0), n - 1)] += w
    return torch.from_numpy(m.astype(np.float32))


def bicubic_x4(x: torch.Tensor) -> torch.Tensor:
    """TensorFlow 1's bicubic resize: x [N, C, H, W] -> [N, C, 4H, 4W]."""
    rows = bicubic_matrix(x.shape[2])
    cols = rows if x.shape[3] == x.shape[2] else bicubic_matrix(x.shape[3])
    return rows @ x @ cols.T


class EnhanceNet(nn.Module):
    """rgb [N, 3, H, W] in 0..1 -> rgb [N, 3, 4H, 4W], not clipped.

    width W, blocks B; every convolution is 3x3, stride 1, zero "same" padding.
    In the graph's order, with the index of the published name Conv_i:

        0                 3 -> W   ReLU
        1 .. 2B           W -> W   B blocks: conv, ReLU, conv, + the block's input
        2B+1, 2B+2        W -> W   each after a nearest x2, ReLU
        2B+3              W -> W   ReLU
        2B+4              W -> 3   + bicubic x4 of the input
    """

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.blocks = blocks
        sizes = [(3, width)] + [(width, width)] * (2 * blocks + 3) + [(width, 3)]
        self.conv = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in sizes)
        for conv in self.conv:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)
        # Without normalisation layers the sum would double its variance at every block; small second convolutions
        # make each block start near identity.
        with torch.no_grad():
            for b in range(blocks):
                self.conv[2 + 2 * b].weight.mul_(0.1)
            self.conv[-1].weight.mul_(0.1)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        conv, blocks = self.conv, self.blocks
        x = rgb - self.mean
        y = F.relu(conv[0](x))
        for b in range(blocks):
            y = y + conv[2 + 2 * b](F.relu(conv[1 + 2 * b](y)))
        for c in conv[2 * blocks + 1 : 2 * blocks + 3]:
            y = F.relu(c(F.interpolate(y, scale_factor=2, mode="nearest")))
        y = conv[-1](F.relu(conv[-2](y)))
        return y + bicubic_x4(x) + self.mean


def published_name(i: int) -> str:
    """TensorFlow's name of convolution i: Conv, Conv_1, Conv_2, ..."""
    return "generator/Conv" + (f"_{i}" if i else "")


def to_published(net: EnhanceNet) -> dict[str, torch.Tensor]:
    """The weights under the published names: weights HWIO, biases [O]."""
    state = {}
    for i, conv in enumerate(net.conv):
        # OIHW -> HWIO
        state[published_name(i) + "/weights"] = conv.weight.detach().permute(2, 3, 1, 0).contiguous()
        state[published_name(i) + "/biases"] = conv.bias.detach().clone()
    return state


def from_published(state: dict[str, torch.Tensor]) -> EnhanceNet:
    """The network of a state dict from to_published; width and blocks are read from the shapes."""
    count = sum(name.endswith("/weights") for name in state)
    first = state.get(published_name(0) + "/weights")
    if first is None or count < 5 or count % 2 == 0 or tuple(first.shape[:3]) != (3, 3, 3):
        raise SystemExit("error: not the weights of an enhancenet")
    net = EnhanceNet(width=first.shape[3], blocks=(count - 5) // 2)
    with torch.no_grad():
        for i, conv in enumerate(net.conv):
            # HWIO -> OIHW
            conv.weight.copy_(state[published_name(i) + "/weights"].permute(3, 2, 0, 1))
            conv.bias.copy_(state[published_name(i) + "/biases"])
    return net


# ---- Pictures ----------------------------------------------------------------


def digest(image: Image.Image) -> str:
    """First 16 hex digits of the SHA-256 of an RGB image's pixels."""
    return hashlib.sha256(image.tobytes()).hexdigest()[:16]


def crop_to_scale(image: Image.Image) -> Image.Image:
    """The top left of an image, each side cut to a multiple of 4."""
    w, h = image.size
    return image.crop((0, 0, w - w % SCALE, h - h % SCALE))


def smaller(image: Image.Image) -> Image.Image:
    """A picture at a quarter of its sides: Pillow's antialiased bicubic."""
    return image.resize((image.width // SCALE, image.height // SCALE), Image.BICUBIC)


def compressed(image: Image.Image, quality: int, subsampling: int = 2) -> Image.Image:
    """The picture after it was in a JPEG file of this quality. subsampling: of colours, 2 for 4:2:0, 0 for none."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(file).convert("RGB")


def to_tensor(images: list[Image.Image]) -> torch.Tensor:
    """Equal-sized RGB images -> float32 [N, 3, H, W] in 0..1."""
    stack = np.stack([np.asarray(image) for image in images])
    return torch.from_numpy(stack).permute(0, 3, 1, 2).float().div(255)


class Patches:
    """An endless source of training pairs from a list of pictures.

    Every picture is also used at 3/4 and 1/2 of its size, where its edges are sharper; photographs from JPEG files
    often have soft edges. Patches are distributed evenly over the area of all of these, and rotated and mirrored in
    eight ways. Each patch is cut first and then reduced, so that its borders are like those of a whole picture.
    """

    def __init__(self, pictures: list[Image.Image], patch: int, rng: np.random.Generator, jpeg: bool) -> None:
        self.side, self.rng, self.jpeg = patch * SCALE, rng, jpeg
        self.images = []
        for image in pictures:
            for part in (1, 0.75, 0.5):
                w, h = round(image.width * part), round(image.height * part)
                if min(w, h) >= self.side:
                    self.images.append(image if part == 1 else image.resize((w, h), Image.LANCZOS))
        if not self.images:
            raise SystemExit(f"error: no training picture is as large as a patch ({self.side})")
        area = np.array([image.width * image.height for image in self.images], float)
        self.share = area / area.sum()

    def batch(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(low [N, 3, P, P], high [N, 3, 4P, 4P]), float32 in 0..1."""
        high = []
        for pick in self.rng.choice(len(self.images), size=n, p=self.share):
            image = self.images[pick]
            x = self.rng.integers(image.width - self.side + 1)
            y = self.rng.integers(image.height - self.side + 1)
            piece = image.crop((x, y, x + self.side, y + self.side))
            if self.rng.random() < 0.5:
                piece = piece.transpose(Image.FLIP_LEFT_RIGHT)
            turns = self.rng.integers(4)
            high.append(piece.rotate(90 * int(turns)) if turns else piece)
        low = [smaller(image) for image in high]
        if self.jpeg:
            low = [self.maybe_compressed(image) for image in low]
        return to_tensor(low), to_tensor(high)

    def maybe_compressed(self, image: Image.Image) -> Image.Image:
        """Compressed with a random quality, or one time in ten as it is."""
        if self.rng.random() < 0.1:
            return image
        return compressed(image, int(self.rng.integers(*QUALITIES)), int(self.rng.choice((0, 2))))


# ---- Measuring ---------------------------------------------------------------


def psnr(a: Image.Image, b: Image.Image) -> float:
    """PSNR in dB of two equal-sized 8-bit RGB images, over every pixel and channel."""
    error = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    return 10 * math.log10(255**2 / max(np.mean(error**2), 1e-12))


def upscale(net: EnhanceNet, low: Image.Image) -> Image.Image:
    """RGB image -> RGB image of four times its sides; clipped, rounded to 8 bits."""
    with torch.no_grad():
        y = net(to_tensor([low]))[0].clamp(0, 1).mul(255).round()
    return Image.fromarray(y.byte().permute(1, 2, 0).contiguous().numpy())


class Test(NamedTuple):
    """A held-out picture."""

    name: str
    high: Image.Image  # RGB, each side a multiple of 4
    low: Image.Image

    def gain(self, enlarged: Image.Image) -> float:
        """By how much an enlargement of `low` is better than Pillow's bicubic one, in dB of PSNR."""
        return psnr(enlarged, self.high) - self.bicubic()

    def bicubic(self) -> float:
        """PSNR of Pillow's bicubic enlargement, in dB."""
        return psnr(self.low.resize(self.high.size, Image.BICUBIC), self.high)


def held_out(options: argparse.Namespace) -> list[Test]:
    """The pictures of --test, or those of weights/samples and the middles of the validation photographs of --open."""
    paths = [Path(f) for f in options.test] if options.test else [SAMPLES / name for name in PHOTOGRAPHS]
    found = [(path.name, Image.open(path).convert("RGB")) for path in paths]
    if options.open and not options.test:
        kept = [(p.name, p.image) for p in photographs.opened(options.open) if p.name in photographs.VALIDATION]
        found += [(name, image.crop(folders.middle(image.size, MIDDLE))) for name, image in kept]
    tests = []
    for number, (name, image) in enumerate(found):
        high = crop_to_scale(image)
        low = smaller(high)
        if options.jpeg:
            low = compressed(low, MEASURED_QUALITIES[number % len(MEASURED_QUALITIES)])
        tests.append(Test(name, high, low))
    return tests


def measure(limn: record.Limn, folder: Path, tests: list[Test]) -> dict[str, Any]:
    """PSNR in dB of every held-out picture, enlarged by Pillow's bicubic and by limn."""
    (folder / "low").mkdir(exist_ok=True)
    for test in tests:
        test.low.save(folder / "low" / f"{Path(test.name).stem}.png")
    limn.run("upscale", folder / "low", "-o", folder / "enhancenet", "--force")
    figures = {}
    for test in tests:
        with Image.open(folder / "enhancenet" / f"{Path(test.name).stem}.png") as enlarged:
            figures[test.name] = {"bicubic": round(test.bicubic(), 2), "gain": round(test.gain(enlarged), 2)}
    return {"mean_gain": float(np.mean([row["gain"] for row in figures.values()])), "pictures": figures}


# ---- Training ----------------------------------------------------------------


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Linear warm-up over 200 steps, then cosine decay to 1e-7."""
    warm = min(1.0, (step + 1) / 200)
    return peak * warm * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 1e-7


def charbonnier(got: torch.Tensor, want: torch.Tensor) -> torch.Tensor:
    """Mean of sqrt(d^2 + eps^2), eps = 1e-3: an absolute error that is smooth at 0; a scalar."""
    return torch.sqrt((got - want) ** 2 + 1e-6).mean()


def train(net: EnhanceNet, patches: Patches, tests: list[Test], options: argparse.Namespace) -> loop.History:
    """Trains net; the result is the running average of its weights.

    Averaging over about the last thousand steps removes noise caused by the small batches.
    """
    average = copy.deepcopy(net)
    optimiser = torch.optim.Adam(net.parameters(), lr=options.rate)

    def step(number: int) -> float:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(number, options.steps, options.rate)
        low, high = patches.batch(options.batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
            found = net(low)
        loss = charbonnier(found.float(), high)
        optimiser.zero_grad()
        loss.backward()
        # Without clipping, an unusual patch early in the training can ruin a network that has no normalisation.
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            keep = min(0.999, (number + 1) / (number + 10))  # follow closely at first
            for a, p in zip(average.parameters(), net.parameters(), strict=True):
                a.lerp_(p, 1 - keep)
        return loss.item()

    def figures() -> dict[str, float]:
        gains = {f"gain, {Path(test.name).stem}": test.gain(upscale(average, test.low)) for test in tests}
        return gains | {"mean gain (dB)": float(np.mean(list(gains.values())))}

    return loop.run(options, step, figures, lambda: to_published(average))


def training_pictures(options: argparse.Namespace, tests: list[Image.Image]) -> list[Image.Image]:
    """Prints the training pictures with their digests and returns them, without held-out ones."""
    held = {digest(image) for image in tests}
    if options.data:
        found = [(name, image, "your own") for name, image in folders.pictures(options.data).items()]
    else:
        packaged = photographs.packaged() + ([photographs.raccoon(options.raccoon)] if options.raccoon else [])
        found = [photograph[:3] for photograph in packaged]
    if options.open:
        found += [p[:3] for p in photographs.opened(options.open) if p.name not in photographs.VALIDATION]
    images = [text.page(options.seed, number) for number in range(options.pages)]
    for name, image, licence in found:
        is_held = digest(crop_to_scale(image)) in held
        print(f"  {name}: {image.width}x{image.height}, {licence}, {digest(image)}" + (", held out" if is_held else ""))
        if not is_held:
            images.append(image)
    return images


def parse(arguments: list[str] | None) -> argparse.Namespace:
    p = parser(
        "Train 4x super-resolution weights for limn's enhancenet graph.", EPILOG, steps=20000, batch=4, rate=1e-3
    )
    add = p.add_argument
    add("--raccoon", metavar="WHEEL", help="a scipy wheel before 1.10, for the large photograph in it")
    add("--open", metavar="FOLDER", help="also train on the photographs of training/photographs.py in this folder")
    add("--pages", type=int, default=0, help="also train on so many drawn pages of text (needs matplotlib)")
    add("--jpeg", action="store_true", help="compress the low-resolution pictures as JPEG, for compressed inputs")
    add("--bf16", action="store_true", help="train in bfloat16, twice as fast on processors that have it")
    add("--test", nargs="+", metavar="FILE", help="held-out pictures, never trained on (default: weights/samples, and "
        "with --open a seventh of it)")  # fmt: skip
    add("--width", type=int, default=32, help="channels (default %(default)s; published: 64)")
    add("--blocks", type=int, default=10, help="residual blocks (default and published: 10)")
    add("--patch", type=int, default=32, help="side of a low-resolution patch (default %(default)s)")
    options = parsed(p, arguments)
    options.source = "your own" if options.data else "photographs with stated licences"
    if options.data and options.raccoon:
        p.error("--raccoon adds to the default pictures and cannot be used with --data")
    for name in ("width", "patch"):
        if getattr(options, name) < 1:
            p.error(f"--{name} must be at least 1")
    if options.blocks < 0 or options.pages < 0:
        p.error("--blocks and --pages must not be negative")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    tests = held_out(options)
    if options.init:
        weights = read_weights(options.init, "enhancenet")
        net = from_published({name: torch.from_numpy(values) for name, values in weights.items()})
    else:
        net = EnhanceNet(options.width, options.blocks)
    # Pictures are NHWC; with NHWC weights a step takes a quarter less time.
    net = net.to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in net.parameters())} weights, {len(net.conv)} convolutions")
    history = None
    if options.steps:
        pictures = training_pictures(options, [test.high for test in tests])
        patches = Patches(pictures, options.patch, np.random.default_rng(options.seed), options.jpeg)
        history = train(net, patches, tests, options)
    record.finish(options, history, functools.partial(measure, tests=tests), Choices())
    return 0


if __name__ == "__main__":
    run(main)
