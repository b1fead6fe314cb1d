"""A batch as colours: plain, after dropout, and after batch normalisation."""

import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(0)
# Columns are units, each with a level and a spread of its own.
z = rng.normal(size=(10, 16)) * rng.uniform(0.2, 1, 16) + 1.5 * rng.normal(size=16)


def draw(values):
    """Draw a row for each sample and a column for each unit."""
    _, ax = plt.subplots(figsize=(4.4, 2.4), layout="constrained")
    image = ax.imshow(values, cmap="coolwarm", vmin=-3, vmax=3, aspect="auto")
    ax.set(xlabel="$j$", ylabel="$i$")
    plt.colorbar(image)


def plain():
    """Draw the numbers as they are."""
    draw(z)


def dropout():
    """Draw them with half of them left out."""
    draw(z * (rng.random(z.shape) >= 0.5) / 0.5)


def batch_norm():
    """Draw them with columns of mean 0 and variance 1."""
    draw((z - z.mean(axis=0)) / z.std(axis=0))
