"""
Reading loss curves
===================

A fitted network keeps the training loss of each epoch, and, where it was given
validation data, the loss on these. The two curves together tell whether training was
too short, too long, or at a wrong learning rate.
"""

import warnings

from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skgd import GDNeuralClassifier, LossCurveDisplay

# Some fits end where they are told to, before they have converged.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(
    X / 16, y, train_size=500, test_size=500, stratify=y, random_state=0
)

# %%
# Training and validation
# -----------------------
#
# The network below tells ten digits apart. It is trained on 500 images, and watches its
# accuracy on 500 others. Early stopping ends training once that has not improved for 30
# epochs, and restores the parameters of the best epoch: the one with the circle.
#
# The training loss goes on falling after that epoch, as the network learns its 500
# images by heart. The validation loss does not. The place where they part is where
# learning turns into memorising.

net = GDNeuralClassifier(
    hidden_layer_sizes=(50,),
    learning_rate_init=0.01,
    early_stopping=True,
    n_iter_no_change=30,
    random_state=0,
)
net.fit(X_train, y_train, X_val=X_val, y_val=y_val)
LossCurveDisplay.from_estimator(net)

# %%
# Learning rates
# --------------
#
# Several estimators go into one picture, each with a colour of its own. These differ in
# their learning rate alone. The smallest one is not wrong, but slow: after 100 epochs
# its loss is still falling. The largest one makes steps so long that the loss jumps up
# again and again.

nets = {}
for rate in (0.0003, 0.01, 0.3):
    nets[f"rate {rate}"] = GDNeuralClassifier(
        hidden_layer_sizes=(50,),
        learning_rate_init=rate,
        max_iter=100,
        n_iter_no_change=100,
        random_state=0,
    ).fit(X_train, y_train)
display = LossCurveDisplay.from_estimators(nets)
display.ax_.set_ylim(bottom=0.001)  # room for the legend

# %%
# A schedule
# ----------
#
# A learning rate that changes is drawn on an axis of its own, as a dotted line. This
# one is large at first and small at last. So the loss may jump in the middle of
# training, and is smooth at its end.

net = GDNeuralClassifier(
    hidden_layer_sizes=(50,),
    learning_rate="one_cycle",
    learning_rate_init=0.1,
    batch_size=50,
    max_iter=50,
    n_iter_no_change=100,
    random_state=0,
).fit(X_train, y_train)
display = LossCurveDisplay.from_estimator(net)
display.ax_.get_legend().set_loc("lower left")  # away from the learning rate

# %%
# Beside scikit-learn's
# ---------------------
#
# Every estimator with a ``loss_curve_`` can be drawn, also inside a pipeline or a
# search. With the same parameters and ``random_state``, the two libraries go through
# the same losses, so the two lines are one. scikit-learn's is drawn wide, or it would
# not be seen. Both go into the same axes, one after the other.

fig, ax = plt.subplots(figsize=(4.5, 2.8), layout="constrained")
for network_class, width in [(MLPClassifier, 6), (GDNeuralClassifier, 2)]:
    net = network_class(
        hidden_layer_sizes=(50,), learning_rate_init=0.01, max_iter=40, random_state=0
    )
    model = make_pipeline(MinMaxScaler(), net).fit(X_train, y_train)
    LossCurveDisplay.from_estimator(
        model,
        name=network_class.__name__,
        ax=ax,
        plot_best_epoch=False,
        line_kw={"linewidth": width},
    )
plt.show()
