"""
A rare class, and class weights
===============================

One sample in fifty belongs to the rare class, and the two classes overlap. A network
that counts every sample alike does best by hardly ever naming the rare one.
``class_weight="balanced"`` gives both classes the same total weight.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score

from skgd import GDNeuralClassifier

# Each fit ends where it is told to, before it has converged.
warnings.filterwarnings("ignore", category=ConvergenceWarning)


def draw_data(n_samples, seed):
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=n_samples) < 0.02).astype(int)
    X = rng.normal(size=(n_samples, 2)) * np.where(y, 0.5, 1.0)[:, np.newaxis]
    return X + np.where(y, 1.5, 0.0)[:, np.newaxis], y


X, y = draw_data(2000, seed=0)
X_test, y_test = draw_data(50_000, seed=1)

# sphinx_gallery_thumbnail_number = 2
for class_weight in (None, "balanced"):
    net = GDNeuralClassifier(
        (20,), "tanh", class_weight=class_weight, max_iter=100, random_state=0
    )
    prediction = net.fit(X, y).predict(X_test)
    recall = recall_score(y_test, prediction)
    precision = precision_score(y_test, prediction)
    balanced = balanced_accuracy_score(y_test, prediction)
    print(
        f"class_weight={class_weight}: {recall:.0%} of the rare samples found,\n"
        f"    {precision:.0%} of the findings right, balanced accuracy {balanced:.2f}"
    )
    figure, ax = plt.subplots(figsize=(3.6, 3), layout="constrained")
    DecisionBoundaryDisplay.from_estimator(
        net,
        X,
        response_method="predict_proba",
        levels=20,
        cmap="RdBu_r",
        alpha=0.7,
        vmin=0,
        vmax=1,
        ax=ax,
    )
    for label, colour in enumerate(["tab:blue", "tab:red"]):
        points = X[y == label]
        ax.plot(*points.T, ".", color=colour, markersize=2 + 3 * label, rasterized=True)
    ax.set_title(f"class_weight={class_weight}")
plt.show()

# %%
# The colour is the predicted probability of the rare class (red). Without weights it
# passes one half only in the corner, and few of the rare samples are found. With them
# nearly all are found, at a price: most findings are wrong, because where both classes
# lie, the common one has more samples. The probabilities are then those of a world in
# which both classes are equally frequent. Which error costs more is for you to say; the
# weights, or another threshold on ``predict_proba``, are how to say it.
