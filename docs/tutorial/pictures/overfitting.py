"""Training and test error by epoch, and fits of a noisy sine with three penalties."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
rng = np.random.default_rng(0)


def points(n):
    """Draw n noisy points of a sine."""
    x = rng.uniform(-9, 9, n)
    return x.reshape(-1, 1), np.sin(x / 3) + 0.5 * rng.normal(size=n)


X_train, y_train = points(30)
X_test, y_test = points(1000)


def make_net(alpha):
    """A network that can learn the noise, with this penalty."""
    return GDNeuralRegressor(
        hidden_layer_sizes=(50, 50),
        activation="tanh",
        solver="batch",
        learning_rate_init=0.01,
        alpha=alpha,
        max_iter=1000,
        n_iter_no_change=np.inf,
        random_state=0,
    )


def draw_errors():
    """Draw both errors by epoch, without a penalty."""
    net = make_net(alpha=0).fit(X_train, y_train, X_val=X_test, y_val=y_test)
    # The loss is half the squared error; that of training is taken before each step.
    train = np.sqrt(2 * np.array(net.loss_curve_))
    test = np.sqrt(2 * np.array(net.validation_loss_curve_))
    epochs = np.arange(1, 1001)
    _, ax = plt.subplots(layout="constrained")
    ax.semilogx(epochs, train, color="tab:blue", label="X_train")
    ax.semilogx(epochs, test, "--", color="tab:red", label="X_test")
    best = int(np.argmin(test))
    ax.plot(epochs[best], test[best], "o", color="tab:red")
    ax.axhline(0.5, color="0.6", lw=0.8, ls=":")
    ax.set(xlabel="epoch", ylabel="RMSE", ylim=(0, 1))
    ax.legend(prop={"family": "monospace"})


def draw_fits():
    """Draw what a weak penalty, a fitting one and a strong one make of the points."""
    x = np.linspace(-9, 9, 301)
    for alpha in [1e-4, 1.0, 10.0]:
        net = make_net(alpha).fit(X_train, y_train)
        _, ax = plt.subplots(figsize=(2.5, 2.2), layout="constrained")
        ax.plot(x, np.sin(x / 3), color="0.6", ls="--")
        ax.plot(X_train.ravel(), y_train, ".", color="tab:gray")
        ax.plot(x, net.predict(x.reshape(-1, 1)), color="tab:orange")
        ax.set(xlabel="$x$", ylim=(-2.2, 2.2))
        ax.set_title(f"alpha={alpha:g}", family="monospace")
