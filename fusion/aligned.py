"""Images of seen classes come in; a space that images and class vectors share goes out, learned by two aligned VAEs.

Own code from the published algorithm: cross- and distribution-aligned variational autoencoders (CADA-VAE, Schoenfeld et
al., CVPR 2019), with a dispersion term that keeps the classes apart. One VAE rebuilds image vectors, one class vectors;
each decoder must also rebuild its kind from the other's latent (cross-alignment), the latent distributions of an image
and of its class must match (2-Wasserstein distance of diagonal Gaussians), and latent means of classes repel each
other.

A choice, not the default: `python benchmarks/zeroshot.py --vae` puts it beside the closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.classgraph import ClassVectors
from fusion.metric import Ints, unit
from fusion.prototypes import class_rows
from kg.errors import MissingExtraError

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]
_Layers = tuple[tuple[_F64, _F64], ...]


@dataclass(frozen=True)
class AlignSettings:
    """How the two autoencoders are trained; weights of the terms grow to these values over the first half.

    Attributes:
        latent: Numbers of the shared space.
        hidden: Units of each hidden layer.
        steps: Steps of Adam.
        batch: Images of a step.
        rate: Learning rate.
        divergence: Weight of the Kullback-Leibler divergence from the standard normal.
        cross: Weight of cross-alignment.
        match: Weight of distribution alignment.
        dispersion: Weight of the repulsion of classes.
        seed: Seed of weights, batches and samples.
    """

    latent: int = 64
    hidden: int = 256
    steps: int = 400
    batch: int = 64
    rate: float = 1.5e-3
    divergence: float = 0.25
    cross: float = 2.0
    match: float = 4.0
    dispersion: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Aligned:
    """A shared space of images and class vectors; stands where `Prototypes` stands.

    Attributes:
        seen: Class vectors of the seen classes.
        means: (seen, latent) float64 mean of the seen images in that space, unit length.
        image_layers: Weights and offsets of the image encoder up to its mean.
        class_layers: The same of the class encoder.
        backbone: What made the image vectors.
    """

    seen: ClassVectors
    means: _F64
    image_layers: _Layers
    class_layers: _Layers
    backbone: str

    @property
    def width(self) -> int:
        """Numbers of an image vector."""
        return len(self.image_layers[0][0])

    def view(self, images: _F32 | _F64) -> _F64:
        """(image, latent) latent means of images, unit length."""
        return unit(_through(self.image_layers, unit(np.asarray(images, np.float64))))

    def predict(self, vectors: ClassVectors) -> _F64:
        """(class, latent) latent means of class vectors."""
        return _through(self.class_layers, unit(vectors.stacked))

    def rows(self, vectors: ClassVectors) -> Ints:
        """(class,) row among the seen classes, -1 for a class without images."""
        return class_rows(self.seen, vectors)

    def covariance(self, vectors: ClassVectors) -> _F64:
        """(class, class) of the predictions' errors, which are not known here: as if alike in every class."""
        return np.eye(len(vectors.names))

    def offset(self, means: _F64, vectors: ClassVectors) -> float:
        """See `Prototypes.offset`; not known here: as for images like the seen ones."""
        return 1.0


def _through(layers: _Layers, rows: _F64) -> _F64:
    for i, (weight, offset) in enumerate(layers):
        rows = (np.maximum(rows, 0) if i else rows) @ weight + offset
    return rows


def fit_aligned(
    vectors: ClassVectors,
    images: _F32,
    labels: Ints,
    backbone: str,
    settings: AlignSettings | None = None,
) -> Aligned:
    """Train the autoencoders on the images of seen classes.

    Args:
        vectors: Class vectors of the seen classes.
        images: (image, dimension) unit vectors.
        labels: (image,) row of the class, -1 unknown; each class occurs.
        backbone: What made the image vectors.
        settings: Default `AlignSettings()`.

    Raises:
        MissingExtraError: torch is not installed.
    """
    settings = settings or AlignSettings()
    known = labels >= 0
    rows, classes = unit(images[known].astype(np.float64)), unit(vectors.stacked)
    layers = _trained(rows, classes, labels[known], settings)
    viewed = unit(_through(layers[0], rows))
    means = np.stack([viewed[labels[known] == c].mean(axis=0) for c in range(len(classes))])
    return Aligned(vectors, unit(means), *layers, backbone)


def _trained(
    images: _F64, classes: _F64, labels: Ints, settings: AlignSettings
) -> tuple[_Layers, _Layers]:
    """Layers of both encoders up to their means."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("aligned autoencoders", "vision", error) from error
    scales = [_scale(rows) for rows in (images, classes)]
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        x, a = (
            torch.tensor((rows - middle) * gain, dtype=torch.float32)
            for rows, (middle, gain) in zip((images, classes), scales, strict=True)
        )
        nets = [_autoencoder(rows.shape[1], settings) for rows in (x, a)]
        weights = [p for net in nets for part in net for p in part.parameters()]
        adam = torch.optim.Adam(weights, lr=settings.rate)
        count = np.bincount(labels)
        chance = torch.tensor(1 / count[labels])
        for step in range(settings.steps):
            picked = torch.multinomial(chance, settings.batch, replacement=True)
            of = torch.tensor(labels)[picked]
            ramp = min(1.0, 2 * step / settings.steps)
            loss = _loss(nets, (x[picked], a[of], a), ramp, settings)
            adam.zero_grad()
            loss.backward()
            adam.step()
    first, second = (
        _layers(net[0], settings.latent, scale) for net, scale in zip(nets, scales, strict=True)
    )
    return first, second


def _scale(rows: _F64) -> tuple[_F64, float]:
    """Mean, and the factor after which numbers have variance 1 on average.

    Numbers of unit vectors are tiny: without it the divergence outweighs all that is to be rebuilt, and the latent
    space tells nothing apart.
    """
    middle = rows.mean(axis=0)
    return middle, float(1 / max(np.sqrt(((rows - middle) ** 2).mean()), 1e-12))


def _autoencoder(width: int, settings: AlignSettings) -> tuple[Any, Any]:
    """Encoder to mean and log-variance, decoder back."""
    from torch.nn import Linear, ReLU, Sequential

    encoder = Sequential(
        Linear(width, settings.hidden), ReLU(), Linear(settings.hidden, 2 * settings.latent)
    )
    decoder = Sequential(
        Linear(settings.latent, settings.hidden), ReLU(), Linear(settings.hidden, width)
    )
    return encoder, decoder


def _loss(
    nets: list[Any], batch: tuple[Any, Any, Any], ramp: float, settings: AlignSettings
) -> Any:
    """Reconstruction, divergence, cross-alignment, distribution alignment and dispersion of a batch."""
    import torch

    pairs = list(zip(nets, batch[:2], strict=True))
    codes = [net[0](rows).chunk(2, dim=1) for net, rows in pairs]
    samples = [m + torch.exp(v / 2) * torch.randn_like(m) for m, v in codes]
    loss = torch.zeros(())
    for k, (net, rows) in enumerate(pairs):
        mean, log_var = codes[k]
        loss = loss + (net[1](samples[k]) - rows).abs().sum(1).mean()
        divergence = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(1).mean()
        loss = loss + ramp * settings.divergence * divergence
        loss = loss + ramp * settings.cross * (net[1](samples[1 - k]) - rows).abs().sum(1).mean()
    (m0, v0), (m1, v1) = codes
    apart = ((m0 - m1) ** 2).sum(1) + ((torch.exp(v0 / 2) - torch.exp(v1 / 2)) ** 2).sum(1)
    loss = loss + ramp * settings.match * torch.sqrt(apart + 1e-8).mean()
    centres = torch.nn.functional.normalize(nets[1][0](batch[2])[:, : settings.latent], dim=1)
    alike = (centres @ centres.T).triu(1)
    pairs_of_classes = max(len(centres) * (len(centres) - 1) / 2, 1)
    return loss + ramp * settings.dispersion * torch.relu(alike).sum() / pairs_of_classes


def _layers(encoder: Any, latent: int, scale: tuple[_F64, float]) -> _Layers:
    """Weights of an encoder as arrays, up to its mean, for rows that were not yet brought to scale."""
    first, last = encoder[0], encoder[2]
    middle, gain = scale

    def array(values: Any) -> _F64:
        """A tensor as numbers."""
        return np.asarray(values.detach().double().numpy())

    weights = gain * array(first.weight).T
    return (
        (weights, array(first.bias) - middle @ weights),
        (array(last.weight)[:latent].T, array(last.bias)[:latent]),
    )
