"""
The eleven activations
======================

What does a hidden unit make of its input? A network with one hidden unit tells: with
all weights at 1 and all intercepts at 0, its prediction is the activation of its input.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor

activations = [
    *("identity", "logistic", "tanh", "softplus"),
    *("relu", "leaky_relu", "elu", "selu"),
    *("gelu", "silu", "mish"),
]
z = np.linspace(-4, 4, 801)


def one_unit(activation):
    """Return a network that computes `activation` of its only feature."""
    net = GDNeuralRegressor((1,), activation, max_iter=1)
    with warnings.catch_warnings():
        # One epoch, to have a network; its weights are overwritten.
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(z[:, np.newaxis], z)
    for weights in net.coefs_:
        weights[:] = 1  # coefs_ are views: writing to them changes the network
    for intercepts in net.intercepts_:
        intercepts[:] = 0
    return net


# %%
# The broken line is the slope, which a gradient is multiplied by on its way back
# through the unit. In the first row, ``"logistic"`` and ``"tanh"`` are flat on both
# sides: there little of a gradient is left. In the second row ``"relu"`` has slope 1 on
# the right and none on the left. The other three let something through there,
# ``"leaky_relu"`` just a hundredth. The three in the last row are smooth versions of
# ``"relu"``, and dip below 0 before they flatten out.

figure, axes = plt.subplots(
    3, 4, figsize=(10, 7), layout="constrained", sharex=True, sharey=True
)
for ax, activation in zip(axes.flat, activations, strict=False):
    values = one_unit(activation).predict(z[:, np.newaxis])
    ax.axhline(0, color="lightgrey", linewidth=1)
    ax.axvline(0, color="lightgrey", linewidth=1)
    (value_line,) = ax.plot(z, values, linewidth=2)
    (slope_line,) = ax.plot(z, np.gradient(values, z), "--")
    ax.set(title=activation, ylim=(-2, 3))
axes[2, 3].set_axis_off()
axes[2, 3].legend([value_line, slope_line], ["activation", "slope"], loc="center")
figure.supxlabel("input of the unit")
plt.show()
