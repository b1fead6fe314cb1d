"""
Prediction intervals from quantile losses
=========================================

``loss="quantile"`` predicts a value that a given share of the targets lie below. Three
networks, for 5%, 50% and 95%, make a median and an interval that should hold nine
targets in ten. The noise of these data grows from left to right.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralRegressor

# Each fit goes to the end of its schedule, and is not meant to converge before.
warnings.filterwarnings("ignore", category=ConvergenceWarning)


def draw_data(n_samples, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10, size=n_samples)
    y = np.sin(x) + rng.gamma(2.0, 0.1 + 0.06 * x)
    return x[:, np.newaxis], y


X, y = draw_data(1500, seed=0)
X_test, y_test = draw_data(10_000, seed=1)

nets = {}
for quantile in (0.05, 0.5, 0.95):
    net = GDNeuralRegressor(
        (30, 30),
        "tanh",
        loss="quantile",
        quantile=quantile,
        learning_rate="cosine",
        learning_rate_init=0.01,
        batch_size=50,
        max_iter=200,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    nets[quantile] = make_pipeline(StandardScaler(), net).fit(X, y)
    below = np.mean(y_test < nets[quantile].predict(X_test))
    print(f"quantile {quantile}: {below:.1%} of new targets lie below")
low, high = nets[0.05].predict(X_test), nets[0.95].predict(X_test)
print(f"Within the interval: {np.mean((low <= y_test) & (y_test <= high)):.1%}")

# %%
# The interval is narrow on the left and wide on the right, and reaches further up than
# down, as the noise does. A standard deviation, the same everywhere and the same to
# both sides, could not say so. The printed shares come from 10,000 new samples.

grid = np.linspace(0, 10, 400)[:, np.newaxis]
low, median, high = (net.predict(grid) for net in nets.values())
figure, ax = plt.subplots(figsize=(4.5, 3.2), layout="constrained")
points = {"color": "grey", "markersize": 2, "alpha": 0.6, "rasterized": True}
ax.plot(X, y, ".", label="training data", **points)
ax.fill_between(grid[:, 0], low, high, alpha=0.3, label="5% to 95%")
ax.plot(grid, median, linewidth=2, label="median")
ax.set(xlabel="x", ylabel="y")
ax.legend(loc="upper left")
plt.show()
