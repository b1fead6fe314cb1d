"""
Learning rates that change
==========================

``learning_rate`` names a schedule: a constant rate, one that follows a curve over
training, or a function of your own. ``learning_rate_curve_`` has the rate of each
epoch's first step.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralClassifier

# Each fit ends where it is told to, before it has converged.
warnings.filterwarnings("ignore", category=ConvergenceWarning)


def triangle(t):
    """Up for half of the training, and down again: a schedule of one's own."""
    return 1 - np.abs(2 * t - 1)


X, y = load_digits(return_X_y=True)
X /= 16
schedules = ["constant", "invscaling", "exponential", "cosine", "one_cycle", "coslog4"]


def train(learning_rate, **options):
    net = GDNeuralClassifier(
        (64,),
        learning_rate=learning_rate,
        learning_rate_init=0.02,
        n_iter_no_change=np.inf,
        random_state=0,
        **options,
    )
    return net.fit(X, y)


# %%
# The curves first. With ``solver="batch"`` an epoch is one step, so
# ``learning_rate_curve_`` shows each step. (A seventh schedule, ``"adaptive"``, has no
# curve of its own: it divides the rate by 5 whenever the loss no longer improves.)

# sphinx_gallery_thumbnail_number = 8
for schedule in [*schedules, triangle]:
    net = train(schedule, solver="batch", max_iter=200)
    figure, ax = plt.subplots(figsize=(1.8, 1.8), layout="constrained")
    ax.plot(net.learning_rate_curve_, color="tab:green")
    ax.set_title(schedule if isinstance(schedule, str) else "triangle")
    ax.set(xlabel="step", ylabel="rate", ylim=(-0.001, 0.021))
    ax.grid(alpha=0.3)

# %%
# Then what they do, in 15 epochs of mini-batches. The penalty (``alpha=0.1``) keeps the
# net from fitting every sample, so gradients stay noisy, and with a constant rate the
# loss goes up and down. Curves that end near 0 let the net settle: ``"one_cycle"``,
# which is far behind at first, comes out lowest, next to ``"cosine"`` and
# ``"coslog4"``. ``"invscaling"`` hardly moves any more after a few epochs, as its rate
# is small too early here. Set ``n_iter_no_change=np.inf``, as in this example, so that
# no plateau ends the fit before the curve does.

figure, ax = plt.subplots(figsize=(4.5, 3.6), layout="constrained")
for schedule in schedules:
    net = train(schedule, alpha=0.1, batch_size=32, max_iter=15)
    ax.plot(np.arange(1, 16), net.loss_curve_, label=schedule)
    print(f"{schedule:12} {net.loss_curve_[-1]:.3f}")
ax.set(xlabel="epoch", ylabel="training loss", ylim=(0.25, 0.6))
ax.legend(ncols=2)
ax.grid(alpha=0.3, which="both")
plt.show()
