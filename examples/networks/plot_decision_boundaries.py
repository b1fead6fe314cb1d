"""
Wider and deeper networks draw finer boundaries
===============================================

Two half-moons that overlap are to be told apart. Nine networks learn it, with one to
three hidden layers of 2, 8 and 64 units.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import train_test_split

from skgd import GDNeuralClassifier

# Each fit ends where it is told to, before it has converged.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = make_moons(n_samples=2000, noise=0.25, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=200, random_state=0
)

# sphinx_gallery_thumbnail_number = 6
for depth in (1, 2, 3):
    for width in (2, 8, 64):
        figure, ax = plt.subplots(figsize=(2.5, 2.4), layout="constrained")
        net = GDNeuralClassifier(
            (width,) * depth,
            "tanh",
            batch_size=20,
            learning_rate_init=0.01,
            max_iter=400,
            n_iter_no_change=np.inf,
            random_state=0,
        )
        net.fit(X_train, y_train)
        DecisionBoundaryDisplay.from_estimator(
            net,
            X_train,
            response_method="predict_proba",
            grid_resolution=60,
            plot_method="contourf",
            levels=10,
            cmap="RdBu",
            alpha=0.6,
            vmin=0,
            vmax=1,
            ax=ax,
        )
        for label, colour in enumerate(["tab:red", "tab:blue"]):
            points = X_train[y_train == label]
            ax.plot(*points.T, ".", color=colour, markersize=3)
        scores = net.score(X_train, y_train), net.score(X_test, y_test)
        ax.set_title(
            f"{depth} x {width} units\n{scores[0]:.2f} train, {scores[1]:.2f} test"
        )
plt.show()

# %%
# The colour is the probability of a class, pale where the network cannot tell. Two
# units in one layer draw little more than a straight edge. With more units the boundary
# bends along the moons. With more layers too it bends around single points: the network
# with two layers of 64 units fits its training data best, but the test data no better
# than one layer of eight units does. Layers of two units are a matter of luck: two of
# them do as well as any network here, and three do not find the moons.
