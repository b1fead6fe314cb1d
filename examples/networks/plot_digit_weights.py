"""
What speaks for each digit
==========================

A network without hidden layers has one weight for each pixel and each digit, so its
weights can be drawn as images: one for each digit, of what speaks for it and what
against.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skgd import GDNeuralClassifier

# The fit ends where it is told to, before it has converged.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X /= 16
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

net = GDNeuralClassifier(
    hidden_layer_sizes=(),
    weight_decay=0.3,
    batch_size=32,
    learning_rate_init=0.01,
    max_iter=50,
    n_iter_no_change=np.inf,
    random_state=0,
)
net.fit(X_train, y_train)
print(f"Accuracy on test data: {net.score(X_test, y_test):.3f}")

# %%
# First are the mean images of the ten digits, then the weights, ``coefs_[0]``. Ink on
# a red pixel raises the probability of the digit, ink on a blue one lowers it. A zero
# is known by its empty middle: nothing speaks against it as much as ink there. What
# speaks for a digit is often not where most of its ink is, but where other digits
# have none. Weight decay keeps those weights small that are not needed.

weights = net.coefs_[0].T
largest = np.abs(weights).max()
means = np.array([X_train[y_train == digit].mean(axis=0) for digit in range(10)])
# sphinx_gallery_thumbnail_number = 2
for title, images, colours in [
    ("mean images", means, {"cmap": "Greys", "vmin": 0, "vmax": 1}),
    ("weights", weights, {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}),
]:
    figure, axes = plt.subplots(2, 5, figsize=(3.6, 2), layout="constrained")
    for digit, ax in enumerate(axes.flat):
        image = ax.imshow(images[digit].reshape(8, 8), **colours)
        ax.set_axis_off()
    figure.suptitle(title)
    figure.colorbar(image, ax=axes)
plt.show()
