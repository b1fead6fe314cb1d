"""
Four answers to overfitting
===========================

A network with many weights and few samples learns its training data by heart, errors
included. Here it gets 300 digits to train on, of which one in ten has a wrong label,
and the loss on other digits shows what happens.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skgd import GDNeuralClassifier

# Most fits end where they are told to, before they have converged.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X /= 16
X_train, X_val, y_train, y_val = train_test_split(
    X, y, train_size=300, stratify=y, random_state=0
)
rng = np.random.default_rng(0)
wrong = rng.choice(300, size=30, replace=False)
y_train[wrong] = (y_train[wrong] + rng.integers(1, 10, size=30)) % 10

answers = {
    "none": {},
    "weight_decay=1": {"weight_decay": 1.0},
    "dropout=0.5": {"dropout": 0.5},
    "early_stopping=True": {
        "early_stopping": True,
        "scoring": "loss",
        "n_iter_no_change": 10,
    },
}
nets = {}
for name, answer in answers.items():
    options = {"n_iter_no_change": np.inf, **answer}
    net = GDNeuralClassifier(
        (100,),
        batch_size=32,
        learning_rate_init=0.003,
        max_iter=200,
        random_state=0,
        **options,
    )
    nets[name] = net.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    loss = (
        -net.best_validation_score_
        if "early" in name
        else net.validation_loss_curve_[-1]
    )
    accuracy = net.score(X_val, y_val)
    print(f"{name:20} validation loss {loss:.3f}, accuracy {accuracy:.3f}")

# %%
# Without an answer, the validation loss falls for some epochs and then rises, while the
# training loss goes to 0: the network learns the wrong labels. Weight decay keeps the
# weights too small for that. Dropout makes it harder, as half of the units are missing
# in each step. Early stopping ends training once the validation loss has not improved
# for 10 epochs, and gives back the weights of the best epoch, marked by a point. Data
# given as ``X_val`` and ``y_val`` are never trained on; ``validation_loss_curve_`` has
# their loss.

for name, net in nets.items():
    figure, ax = plt.subplots(figsize=(3.6, 2.4), layout="constrained")
    ax.plot(net.loss_curve_, color="tab:blue", label="training")
    ax.plot(net.validation_loss_curve_, "--", color="tab:red", label="validation")
    if "early" in name:
        best = np.argmin(net.validation_loss_curve_)
        ax.plot(best, net.validation_loss_curve_[best], "o", color="tab:red")
    ax.set(title=name, xlabel="epoch", ylabel="log loss", xlim=(0, 200), ylim=(0, 1.5))
    ax.grid(alpha=0.3)
    ax.legend()
plt.show()
