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
the network learns to undo that shift along with the blur.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import math
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training import folders, photographs

SCALE = 4
MEAN = (0.47614917, 0.45001204, 0.40904046)  # of RGB/255, from the released program
SAMPLES = Path(__file__).resolve().parents[2] / "weights" / "samples"

EPILOG = """\
example (the demo weights, about an hour on one core):
  pip download --no-deps --only-binary :all: --python-version 3.11 scipy==1.9.3
  python3 tools/training/train_enhancenet.py --raccoon scipy-1.9.3-*.whl -o enhancenet.pth
  python3 tools/convert.py enhancenet.pth -o enhancenet.safetensors --half

example (your own pictures, starting from existing weights):
  python3 tools/training/train_enhancenet.py --data ~/photos --init enhancenet.pth \\
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

    def __init__(self, pictures: list[Image.Image], patch: int, rng: np.random.Generator) -> None:
        self.side, self.rng = patch * SCALE, rng
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
        return to_tensor([smaller(image) for image in high]), to_tensor(high)


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


class Score(NamedTuple):
    name: str
    plain: float  # PSNR of Pillow's bicubic x4, dB
    ours: float  # PSNR of the network

    @property
    def gain(self) -> float:
        return self.ours - self.plain


def evaluate(net: EnhanceNet, tests: list[tuple[str, Image.Image]], save: str | None = None) -> list[Score]:
    """Compares bicubic and network enlargement of whole pictures from the same low-resolution picture.

    tests: [(name, RGB image)]. save: a folder for the low-resolution, bicubic and network pictures, or None.
    """
    rows = []
    for name, image in tests:
        high = crop_to_scale(image)
        low = smaller(high)
        plain, ours = low.resize(high.size, Image.BICUBIC), upscale(net, low)
        rows.append(Score(name, psnr(plain, high), psnr(ours, high)))
        if save:
            os.makedirs(save, exist_ok=True)
            for kind, picture in (("low", low), ("bicubic", plain), ("enhancenet", ours)):
                picture.save(Path(save) / f"{Path(name).stem}-{kind}.png")
    return rows


def as_half(net: EnhanceNet) -> EnhanceNet:
    """A copy of net with weights rounded to float16, as convert.py --half stores them; biases stay float32."""
    rounded = copy.deepcopy(net)
    with torch.no_grad():
        for conv in rounded.conv:
            conv.weight.copy_(conv.weight.half().float())
    return rounded


def print_table(title: str, rows: list[Score]) -> None:
    print(f"{title}: RGB PSNR in dB, whole picture")
    for row in rows:
        print(f"  {row.name:24} bicubic {row.plain:6.2f}   enhancenet {row.ours:6.2f}   {row.gain:+.2f}")


def draw_curve(path: str, history: list[tuple[int, float, list[Score]]]) -> None:
    """Writes a small PNG: above the training loss, below the gain over bicubic for each held-out picture.

    history: [(step, loss, held-out scores)].
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps = [step for step, _, _ in history]
    fig, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(6, 4.4), dpi=100)
    above.plot(steps, [loss for _, loss, _ in history], color="black")
    above.set_ylabel("training loss")
    for k, first in enumerate(history[0][2]):
        below.plot(steps, [rows[k].gain for _, _, rows in history], label=first.name)
    below.axhline(0, color="grey", linewidth=0.8)
    below.set(xlabel="step", ylabel="gain over bicubic (dB)")
    below.legend(loc="lower right", fontsize="small")
    fig.tight_layout()
    fig.savefig(path)
    pyplot.close(fig)


# ---- Training ----------------------------------------------------------------


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Linear warm-up over 200 steps, then cosine decay to 1e-7."""
    warm = min(1.0, (step + 1) / 200)
    return peak * warm * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 1e-7


def charbonnier(got: torch.Tensor, want: torch.Tensor) -> torch.Tensor:
    """Mean of sqrt(d^2 + eps^2), eps = 1e-3: an absolute error that is smooth at 0; a scalar."""
    return torch.sqrt((got - want) ** 2 + 1e-6).mean()


def save_state(net: EnhanceNet, path: str) -> None:
    """Writes the weights under a temporary name and renames the file, so that it is complete or absent."""
    torch.save(to_published(net), path + ".part")
    os.replace(path + ".part", path)


def train(
    net: EnhanceNet, patches: Patches, tests: list[tuple[str, Image.Image]], args: argparse.Namespace
) -> EnhanceNet:
    """Trains net and returns the running average of its weights.

    Averaging over about the last thousand steps removes noise caused by the small batches.
    """
    average = copy.deepcopy(net)
    optimiser = torch.optim.Adam(net.parameters(), lr=args.rate)
    history, losses, began = [], [], time.process_time()
    for step in range(args.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, args.steps, args.rate)
        low, high = patches.batch(args.batch)
        loss = charbonnier(net(low), high)
        optimiser.zero_grad()
        loss.backward()
        # Without clipping, an unusual patch early in the training can ruin a network that has no normalisation.
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            keep = min(0.999, (step + 1) / (step + 10))  # follow closely at first
            for a, p in zip(average.parameters(), net.parameters()):
                a.lerp_(p, 1 - keep)
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise SystemExit(f"error: the loss is no longer finite at step {step + 1}; try a lower --rate")
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            rows = evaluate(average, tests)
            mean_loss = sum(losses) / len(losses)
            history.append((step + 1, mean_loss, rows))
            losses = []
            print(
                f"step {step + 1:6}  loss {mean_loss:.5f}  {time.process_time() - began:6.0f} s of processor  held out "
                + "  ".join(f"{row.ours:.2f} ({row.gain:+.2f})" for row in rows),
                flush=True,
            )
            save_state(average, args.output)
            if args.curve:
                draw_curve(args.curve, history)
    return average


def parse_args() -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description="Train 4x super-resolution weights for limn's enhancenet graph.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = p.add_argument
    add("-o", "--output", metavar="OUT.pth", help="file of the weights, rewritten at every checkpoint")
    add("--data", metavar="FOLDER", help="train on these pictures (default: those in scikit-image and scikit-learn)")
    add("--raccoon", metavar="WHEEL", help="a scipy wheel before 1.10, for the large photograph in it")
    add("--test", nargs="+", metavar="FILE", help="held-out pictures, never trained on (default: weights/samples)")
    add("--init", metavar="CHECKPOINT", help="start from an existing OUT.pth and keep its width and blocks")
    add("--width", type=int, default=32, help="channels (default %(default)s; published: 64)")
    add("--blocks", type=int, default=10, help="residual blocks (default and published: 10)")
    add("--steps", type=int, default=20000, help="training steps (default %(default)s); 0 only measures --init")
    add("--batch", type=int, default=4, help="patches per step (default %(default)s)")
    add("--patch", type=int, default=32, help="side of a low-resolution patch (default %(default)s)")
    add("--rate", type=float, default=1e-3, help="peak learning rate (default %(default)s)")
    add("--seed", type=int, default=1, help="seed of weights and patches (default %(default)s)")
    add("--threads", type=int, default=1, help="threads (default %(default)s: repeatable on one machine)")
    add("--every", type=int, default=500, metavar="STEPS", help="steps between checkpoints (default %(default)s)")
    add("--curve", metavar="FILE.png", help="also draw the loss curve (needs matplotlib)")
    add("--pictures", metavar="FOLDER", help="also write the held-out pictures: reduced, bicubic, by the network")
    args = p.parse_args()
    if args.steps == 0 and not args.init:
        p.error("--steps 0 needs --init")
    if args.steps and not args.output:
        p.error("missing -o OUT.pth")
    if args.output and not os.path.isdir(os.path.dirname(args.output) or "."):
        p.error(f"the folder of {args.output} does not exist")
    if args.data and args.raccoon:
        p.error("--raccoon adds to the default pictures and cannot be used with --data")
    for name in ("width", "batch", "patch", "threads", "every"):
        if getattr(args, name) < 1:
            p.error(f"--{name} must be at least 1")
    if args.blocks < 0 or args.steps < 0 or args.rate <= 0:
        p.error("--blocks and --steps must not be negative, --rate must be positive")
    return args


def training_pictures(args: argparse.Namespace, tests: list[tuple[str, Image.Image]]) -> list[Image.Image]:
    """Prints the training pictures with their digests and returns them, without held-out ones."""
    held = {digest(image) for _, image in tests}
    if args.data:
        found = [(name, image, "your own") for name, image in folders.pictures(args.data).items()]
    else:
        packaged = photographs.packaged() + ([photographs.raccoon(args.raccoon)] if args.raccoon else [])
        found = [photograph[:3] for photograph in packaged]
    images = []
    for name, image, licence in found:
        key = digest(image)
        print(f"  {name}: {image.width}x{image.height}, {licence}, {key}" + (", held out" if key in held else ""))
        if key not in held:
            images.append(image)
    return images


def main() -> int:
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    paths = [Path(f) for f in args.test] if args.test else sorted([*SAMPLES.glob("*.png"), *SAMPLES.glob("*.jpg")])
    tests = [(path.name, Image.open(path).convert("RGB")) for path in paths]
    if not tests:
        raise SystemExit("error: no held-out pictures in weights/samples; use --test")

    if args.init:
        net = from_published(torch.load(args.init, map_location="cpu", weights_only=True))
    else:
        net = EnhanceNet(args.width, args.blocks)
    # Pictures are NHWC; with NHWC weights a step takes a quarter less time.
    net = net.to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in net.parameters())} weights, {len(net.conv)} convolutions")

    if args.steps:
        patches = Patches(training_pictures(args, tests), args.patch, np.random.default_rng(args.seed))
        net = train(net, patches, tests, args)

    print_table("float32 weights", evaluate(net, tests))
    print_table("float16 weights", evaluate(as_half(net), tests, save=args.pictures))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:  # a file that is missing, unreadable or not a picture
        sys.exit(f"error: {error}")
