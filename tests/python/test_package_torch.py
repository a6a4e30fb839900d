"""The Python package and PyTorch: a network with random weights, here and there."""

from __future__ import annotations

import numpy as np
import package_support  # noqa: F401  (finds the package)
import pytest

import limnet

torch = pytest.importorskip("torch")

from reference import deeplabv3, siggraph17, unet  # noqa: E402
from reference.parameters import Maker, Parameters, ignore  # noqa: E402


class Module(torch.nn.Module):
    """A module with these tensors by their published names, whose forward pass is that of tools/reference."""

    def __init__(self, forward, weights: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.compute = forward
        self.tensors = {name: torch.from_numpy(values) for name, values in weights.items()}

    def state_dict(self, *_: object, **__: object) -> dict[str, torch.Tensor]:
        return self.tensors

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights = {name: tensor.numpy() for name, tensor in self.tensors.items()}
        return self.compute(Parameters(weights), x, ignore)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).random(shape, np.float32)


NETWORKS = {
    "unet": (unet.forward, lambda: unet.random_weights(1, base=16), random(1, 3, 64, 96)),
    "deeplabv3": (
        deeplabv3.forward,
        lambda: deeplabv3.random_weights(1, blocks=(3, 4, 6, 3), base=16),
        random(1, 3, 64, 96),
    ),
    "siggraph17": (
        siggraph17.forward,
        lambda: siggraph17.random_weights(1, base=16),
        siggraph17.hinted(Maker(3), 1, 64, 64).numpy(),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_module_gives_the_same(name: str) -> None:
    forward, weights, x = NETWORKS[name]
    module = Module(forward, weights())
    with torch.no_grad():
        want = module(torch.from_numpy(x)).numpy()
    model = limnet.Model.from_torch(module)
    assert model.name == name
    got = model.run(x)
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()


def test_a_state_dict_under_a_prefix_and_in_other_types() -> None:
    tensors = {name: torch.from_numpy(values) for name, values in unet.random_weights(2, base=16).items()}
    x = random(1, 3, 32, 32)
    want = limnet.Model.from_state_dict(tensors).run(x)
    spelled = {f"module.{name}": tensor.double() for name, tensor in tensors.items()}
    spelled["module.inc.double_conv.1.num_batches_tracked"] = torch.tensor(7)
    assert np.array_equal(limnet.Model.from_state_dict(spelled).run(x), want)
    halves = {name: tensor.bfloat16() for name, tensor in tensors.items()}
    assert np.abs(limnet.Model.from_state_dict(halves).run(x) - want).max() < 0.1 * np.abs(want).max()


def test_a_state_dict_of_another_network() -> None:
    with pytest.raises(limnet.WeightsError, match="the state dict: unknown model"):
        limnet.Model.from_state_dict({"a.weight": np.zeros((2, 2), np.float32)})
    tensors = unet.random_weights(2, base=16)
    del tensors["outc.conv.weight"]
    with pytest.raises(limnet.WeightsError, match=r"outc\.conv\.weight: missing"):
        limnet.Model.from_state_dict(tensors)
    with pytest.raises(limnet.WeightsError, match="expected vae"):
        limnet.Model.from_state_dict(unet.random_weights(2, base=16), "vae")
