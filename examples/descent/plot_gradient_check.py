"""
Checking a gradient by finite differences
=========================================

Backpropagation computes the slope of the loss by every parameter. There is a slow way
to check it: change one parameter by a little, ``h``, up and down, and see how the loss
changes.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from skgd import GDNeuralRegressor

X, y = load_diabetes(return_X_y=True)
X, y = scale(X), scale(y)

# A step of plain gradient descent with a learning rate of 1 subtracts the gradient.
net = GDNeuralRegressor(
    (8, 4),
    "tanh",
    solver="batch",
    optimizer="gd",
    learning_rate_init=1.0,
    alpha=0.1,
    random_state=0,
)
net.partial_fit(X, y)
before = [parameters.copy() for parameters in [*net.coefs_, *net.intercepts_]]
net.partial_fit(X, y)
after = [parameters.copy() for parameters in [*net.coefs_, *net.intercepts_]]
gradient = np.concatenate([(b - a).ravel() for b, a in zip(before, after, strict=True)])


def loss():
    """Half the mean squared error, and the penalty on the weights."""
    penalty = sum(np.sum(weights**2) for weights in net.coefs_)
    error = np.mean((net.predict(X) - y) ** 2)
    return 0.5 * error + 0.5 * net.alpha * penalty / len(X)


def differences(h):
    """Slope of the loss by every parameter, from a step of `h` up and one down."""
    slopes = []
    for parameters in [*net.coefs_, *net.intercepts_]:
        for index in np.ndindex(parameters.shape):
            value = parameters[index]
            parameters[index] = value + h  # a view: this changes the network
            above = loss()
            parameters[index] = value - h
            below = loss()
            parameters[index] = value
            slopes.append((above - below) / (2 * h))
    return np.array(slopes)


# Back to where the gradient was taken
for parameters, values in zip([*net.coefs_, *net.intercepts_], before, strict=True):
    parameters[:] = values
steps = np.logspace(-10, 0, 11)
errors = [np.abs(differences(h) - gradient).max() for h in steps]

# %%
# In the first picture, each point is one of the network's 129 parameters: the slow
# way and backpropagation agree. The second has the largest disagreement, for one
# ``h`` after another. From the right, it falls with the square of ``h``, as a curve
# looks straighter the closer one looks. Below about 1e-5 it rises again: the two
# losses then differ so little that most of their common digits cancel, and rounding
# is divided by a tiny ``h``.

figure, ax = plt.subplots(figsize=(3.6, 3), layout="constrained")
ax.axline((0, 0), slope=1, color="lightgrey")
ax.plot(gradient, differences(1e-5), ".")
ax.set(
    xlabel="by backpropagation",
    ylabel="by finite differences",
    title=f"Slopes along {gradient.size} parameters",
)

# sphinx_gallery_thumbnail_number = 2
figure, ax = plt.subplots(figsize=(3.6, 3), layout="constrained")
ax.plot(steps, errors, "o-", label="measured")
ax.plot(steps[6:], errors[-3] * (steps[6:] / steps[-3]) ** 2, "k:", label="$h^2$")
ax.plot(steps[:5], errors[2] * steps[2] / steps[:5], "k--", label="$1/h$")
ax.set(xlabel="$h$", xscale="log", yscale="log", title="Largest error of differences")
ax.legend()
plt.show()
