"""Activations and their derivatives."""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

z = np.linspace(-4, 4, 401)
logistic = 1 / (1 + np.exp(-z))
curves = {
    "logistic": (logistic, logistic * (1 - logistic)),
    "tanh": (np.tanh(z), 1 - np.tanh(z) ** 2),
    "relu": (np.maximum(0, z), np.where(z > 0, 1.0, 0.0)),
    "gelu": (z * norm.cdf(z), norm.cdf(z) + z * norm.pdf(z)),
}

for name, (value, slope) in curves.items():
    fig, ax = plt.subplots(figsize=(1.8, 2), layout="constrained")
    ax.axhline(0, color="0.8", lw=0.8)
    ax.plot(z, value, color="tab:blue", label=r"$\varphi(z)$")
    ax.plot(z, slope, color="tab:red", ls="--", label=r"$\varphi'(z)$")
    ax.set(xlabel="$z$", xticks=[-4, 0, 4], ylim=(-1.3, 2.3))
    ax.set_title(name, family="monospace")
    if name == "logistic":
        ax.legend(loc="upper left")
plt.show()
