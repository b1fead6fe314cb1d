"""
Losses that bear wrong targets
==============================

One target in ten is wrong, and by far. The squared error lets large errors pull
hardest. Huber's loss and the absolute error let them pull no harder than small ones.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor

# Each fit goes to the end of its schedule, and is not meant to converge before.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(-2, 2, size=300))
truth = np.sin(3 * x) + x
y = truth + rng.normal(scale=0.15, size=x.size)
wrong = rng.choice(x.size, size=30, replace=False)
y[wrong] += rng.uniform(4, 8, size=30)

predictions = {}
for loss in ("squared_error", "huber", "absolute_error"):
    net = GDNeuralRegressor(
        (50, 50),
        "tanh",
        loss=loss,
        huber_delta=0.5,
        learning_rate="cosine",
        learning_rate_init=0.01,
        batch_size=50,
        max_iter=300,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    predictions[loss] = net.fit(x[:, np.newaxis], y).predict(x[:, np.newaxis])
    error = np.sqrt(np.mean((predictions[loss] - truth) ** 2))
    print(f"{loss:15} root mean squared distance from the truth: {error:.3f}")

# %%
# All wrong targets are too high. The squared error is drawn towards them, in places
# by more than 1: it predicts the mean, of which they are a part. The other two stay
# near the truth. Then come the losses themselves: beyond an error of ``huber_delta``,
# here 0.5, Huber's loss goes on as a straight line, so that its slope, the pull, no
# longer grows.

figure, ax = plt.subplots(figsize=(3.6, 3.4), layout="constrained")
for loss, prediction in predictions.items():
    ax.plot(x, prediction, linewidth=2, label=loss)
ax.plot(x, y, ".", color="silver", label="training data", zorder=1)
ax.plot(x, truth, "k:", linewidth=2, label="truth")
ax.set(xlabel="x", ylabel="y", ylim=(None, 17))
ax.legend(loc="upper left")

error = np.linspace(-2, 2, 201)
size = np.abs(error)
huber = np.where(size < 0.5, error**2 / 2, 0.5 * (size - 0.25))
figure, ax = plt.subplots(figsize=(3.6, 3.4), layout="constrained")
ax.plot(error, error**2 / 2, label="squared_error")
ax.plot(error, huber, label="huber")
ax.plot(error, size, label="absolute_error")
ax.set(xlabel="error", ylabel="loss")
ax.legend()
plt.show()
