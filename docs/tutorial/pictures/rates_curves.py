"""Loss curves of a small network with five learning rates, by batch descent."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
X, y = load_diabetes(return_X_y=True)
X, y = scale(X), scale(y)
# The last one diverges, which 150 epochs of it are too few to end in an error.
rates = [0.001, 0.01, 0.1, 0.8, 0.9]
colors = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(rates)))

fig, ax = plt.subplots(figsize=(4.5, 3), layout="constrained")
for rate, color in zip(rates, colors, strict=True):
    net = GDNeuralRegressor(
        hidden_layer_sizes=(20,),
        activation="tanh",
        solver="batch",
        optimizer="gd",
        learning_rate_init=rate,
        max_iter=150,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, y)
    ax.semilogy(range(150), net.loss_curve_, color=color, label=f"{rate:g}")
ax.set(xlabel="epoch", ylabel="$L$", ylim=(0.18, 10), xlim=(0, 150))
ax.set_yticks([0.2, 0.5, 1, 2, 5, 10])
ax.minorticks_off()
ax.yaxis.set_major_formatter("{x:g}")
fig.legend(
    title="learning_rate_init",
    title_fontproperties={"family": "monospace"},
    loc="outside upper center",
    ncols=5,
)
plt.show()
