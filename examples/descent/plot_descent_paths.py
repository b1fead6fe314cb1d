"""
The paths of batch, sgd and minibatch
=====================================

Gradient descent goes downhill on the training loss. The three solvers differ in how
many samples they look at before each step: ``"batch"`` at all, ``"sgd"`` at one, and
``"minibatch"`` at a few. Here you see what that does to their paths.
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import make_moons
from sklearn.preprocessing import scale

from skgd import GDNeuralClassifier, GDNeuralRegressor, GradientDescentPathDisplay

# %%
# A bowl
# ------
#
# A network without hidden layers and with one feature has two parameters: a slope and
# an intercept. So its loss is a surface over a plane, which can be drawn as it is: a
# bowl. All three networks begin at the same point, make plain steps against the
# gradient, and see each sample ten times.
#
# - ``batch`` knows the slope of the whole bowl. It goes smoothly and straight down, but
#   in ten epochs it makes ten steps, and does not arrive.
# - ``sgd`` has made a thousand steps. The gradient of a single sample points downhill
#   on average only. It is at the bottom soon, and is then thrown about there, as no
#   sample agrees with the others about where the bottom is.
# - ``minibatch`` makes a hundred steps, each from the mean over ten samples. It arrives
#   too, with much less noise.

rng = np.random.RandomState(0)
x = rng.randn(100)
X, y = x.reshape(-1, 1), 2 * x + 1 + 0.7 * rng.randn(100)

nets = {
    solver: GDNeuralRegressor(
        hidden_layer_sizes=(),
        solver=solver,
        batch_size=10 if solver == "minibatch" else "auto",
        optimizer="gd",
        learning_rate_init=0.1,
        max_iter=10,
        random_state=0,
    )
    for solver in ("batch", "minibatch", "sgd")
}
figure, ax = plt.subplots(figsize=(3.7, 3.4), layout="constrained")
GradientDescentPathDisplay.from_estimators(nets, X, y, ax=ax, n_levels=8)

# %%
# A network
# ---------
#
# A network with hidden layers has more parameters than a picture has dimensions. The
# plane below goes through the start and the mean of the ends, and is turned about this
# line to where it shows the most of the paths. The label of the vertical axis says what
# share of the movement the plane holds; the rest of it leads out of the picture.
#
# The surface is no bowl any more. The networks learn to tell two half moons apart, and
# the paths bend.

X, y = make_moons(200, noise=0.15, random_state=0)
X = scale(X)

nets = {
    solver: GDNeuralClassifier(
        hidden_layer_sizes=(10,),
        activation="tanh",
        solver=solver,
        batch_size=20 if solver == "minibatch" else "auto",
        optimizer="gd",
        learning_rate_init=0.1,
        max_iter=100,
        n_iter_no_change=100,
        random_state=1,
    )
    for solver in ("batch", "minibatch", "sgd")
}
figure, ax = plt.subplots(figsize=(3.7, 3.4), layout="constrained")
display = GradientDescentPathDisplay.from_estimators(nets, X, y, ax=ax, n_levels=8)

# %%
# The numbers are there
# ---------------------
#
# The display keeps what it shows: for each path the recorded points, the number of
# steps before each, and all parameters of the network there. Here is how far the three
# networks went through the space of their 41 parameters, along their paths and as the
# crow flies.

for name, path in display.paths.items():
    steps = np.linalg.norm(np.diff(path.parameters, axis=0), axis=1)
    distance = np.linalg.norm(path.parameters[-1] - path.parameters[0])
    print(f"{name:9}  path {steps.sum():6.2f}  distance {distance:6.2f}")
plt.show()
