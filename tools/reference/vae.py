"""A conditional VAE: diverse colorization.

Source: aditya12agd5/pytorch_divcolor `vae.py` (Deshpande et al. 2017): `cond_encoder` and `decoder`, and its `encoder`
of the colours for `encode`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .parameters import Maker, Parameters, Record, Weights


def forward(
    p: Parameters, grey: torch.Tensor, z: torch.Tensor, record: Record, align_corners: bool = True
) -> torch.Tensor:
    """Grey N x 1 x 64 x 64 in -1..1 and the latent N x 64 x 1 x 1 to a colour field N x 2 x 64 x 64 in -1..1."""

    def conv_relu_norm(x: torch.Tensor, prefix: str, number: int, stride: int = 1) -> torch.Tensor:
        x = F.relu(p.conv(x, f"{prefix}_conv{number}", stride))
        return record(f"{prefix}_bn{number}", p.norm(x, f"{prefix}_bn{number}"))

    def enlarge(x: torch.Tensor, name: str, factor: int = 2) -> torch.Tensor:
        x = F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=align_corners)
        return record(f"{name}/bilinear", x)

    s32 = conv_relu_norm(grey, "cond_enc", 1, 2)
    s16 = conv_relu_norm(s32, "cond_enc", 2, 2)
    s8 = conv_relu_norm(s16, "cond_enc", 3, 2)
    s4 = conv_relu_norm(s8, "cond_enc", 4, 2)
    x = conv_relu_norm(torch.cat([enlarge(z, "z", 4), s4], 1), "dec", 1)
    x = conv_relu_norm(torch.cat([enlarge(x, "dec_bn1"), s8], 1), "dec", 2)
    x = conv_relu_norm(torch.cat([enlarge(x, "dec_bn2"), s16], 1), "dec", 3)
    x = conv_relu_norm(torch.cat([enlarge(x, "dec_bn3"), s32], 1), "dec", 4)
    return record("dec_conv5/tanh", torch.tanh(p.conv(enlarge(x, "dec_bn4"), "dec_conv5")))


def encode(p: Parameters, ab: torch.Tensor, record: Record) -> torch.Tensor:
    """A colour field N x 2 x 64 x 64 in -1..1 to its latent's mean and log-variance, N x 2 latent x 1 x 1."""
    x = ab
    for number in (1, 2, 3, 4):
        x = F.relu(p.conv(x, f"enc_conv{number}", 2))
        x = record(f"enc_bn{number}", p.norm(x, f"enc_bn{number}"))
    x = F.linear(x.flatten(1), p.get("enc_fc1.weight", x), p.bias("enc_fc1", x))
    return record("enc_fc1", x[:, :, None, None])


def fill_encoder(make: Maker, prefix: str, inputs: int, base: int) -> None:
    widths = (inputs, base, 2 * base, 4 * base, 8 * base)
    for number, kernel in enumerate((5, 5, 5, 3), start=1):
        make.conv(f"{prefix}enc_conv{number}", widths[number - 1], widths[number], kernel)
        make.norm(f"{prefix}enc_bn{number}", widths[number])


def fill_colour_encoder(make: Maker, base: int, latent: int) -> None:
    fill_encoder(make, "", 2, base)
    make.weights["enc_fc1.weight"] = make.normal((2 * latent, 16 * 8 * base), (16 * 8 * base) ** -0.5)
    make.weights["enc_fc1.bias"] = make.normal((2 * latent,), 0.1)


def fill(make: Maker, base: int, latent: int, colour_encoder: bool) -> None:
    fill_encoder(make, "cond_", 1, base)
    rows = ((8 * base + latent, 4 * base, 3), (8 * base, 2 * base, 5), (4 * base, base, 5), (2 * base, base // 2, 5))
    for number, (ic, oc, kernel) in enumerate(rows, start=1):
        make.conv(f"dec_conv{number}", ic, oc, kernel)
        make.norm(f"dec_bn{number}", oc)
    make.conv("dec_conv5", base // 2, 2, 5, gain=0.5)
    if colour_encoder:
        fill_colour_encoder(make, base, latent)


def random_weights(
    seed: int, base: int = 128, latent: int = 64, colour_encoder: bool = False, align_corners: bool = True
) -> Weights:
    make = Maker(seed)
    fill(make, base, latent, colour_encoder)
    grey, z = make.uniform(2, 1, 64, 64, low=-1), make.noise(2, latent, 1, 1)
    return make.calibrated(lambda p, x, y, record: forward(p, x, y, record, align_corners), grey, z)


def random_colour_encoder(seed: int, base: int = 128, latent: int = 64) -> Weights:
    """The tensors of the colour encoder alone; a file holds them in addition to those of `random_weights`."""
    make = Maker(seed)
    fill_colour_encoder(make, base, latent)
    return make.calibrated(encode, make.uniform(2, 2, 64, 64, low=-1))
