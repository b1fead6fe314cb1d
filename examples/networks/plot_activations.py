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
# through the unit. ``"logistic"`` and ``"tanh"`` are flat on both sides: there little
# of a gradient is left. ``"relu"`` has slope 1 on the right and none on the left.
# ``"leaky_relu"``, ``"elu"`` and ``"selu"`` let something through there,
# ``"leaky_relu"`` just a hundredth. ``"gelu"``, ``"silu"`` and ``"mish"`` are smooth
# versions of ``"relu"``, and dip below 0 before they flatten out.

# sphinx_gallery_thumbnail_number = 9
for activation in activations:
    figure, ax = plt.subplots(figsize=(1.8, 2), layout="constrained")
    values = one_unit(activation).predict(z[:, np.newaxis])
    ax.axhline(0, color="lightgrey", linewidth=1)
    ax.axvline(0, color="lightgrey", linewidth=1)
    ax.plot(z, values, color="tab:blue", label="activation")
    ax.plot(z, np.gradient(values, z), "--", color="tab:red", label="slope")
    ax.set(title=activation, xlabel="input", xticks=[-4, 0, 4], ylim=(-2, 3))
    if activation == "logistic":
        ax.legend(loc="upper left")
plt.show()
