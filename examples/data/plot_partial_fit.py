"""
Learning from a stream that changes
===================================

``partial_fit`` trains on what has just come in, and goes on from where it was. Here
samples arrive in lots of 50, and what tells the two classes apart turns slowly round.
Each lot is first predicted, which gives an honest score, and then learned from.
"""

import matplotlib.pyplot as plt
import numpy as np

from skgd import GDNeuralClassifier

rng = np.random.default_rng(0)
n_lots, n_first = 400, 50


def draw_lot(lot):
    """Draw 50 samples; the line between the classes makes a full turn in 400 lots."""
    angle = 2 * np.pi * max(0, lot - n_first) / (n_lots - n_first)
    X = rng.normal(size=(50, 2))
    return X, (X @ [np.cos(angle), np.sin(angle)] > 0).astype(int)


def make_net():
    return GDNeuralClassifier(
        (10,),
        "tanh",
        solver="sgd",
        optimizer="gd",
        learning_rate_init=0.1,
        random_state=0,
    )


nets = {
    "goes on learning": make_net(),
    "learns from the first 50 lots only": make_net(),
}
scores = {name: np.empty(n_lots) for name in nets}
for lot in range(n_lots):
    X, y = draw_lot(lot)
    for name, net in nets.items():
        scores[name][lot] = net.score(X, y) if lot > 0 else np.nan
        if lot < n_first or name == "goes on learning":
            net.partial_fit(X, y, classes=[0, 1])
for name, score in scores.items():
    print(f"{name}: accuracy {np.nanmean(score[n_first:]):.3f} after lot {n_first}")

# %%
# For the first 50 lots nothing turns, and both networks are the same. From then on one
# of them keeps up, one epoch a lot, and stays a little behind the turning line. The
# other is right in fewer and fewer cases. Half-way the line has turned by 180 degrees,
# so that it is wrong nearly always; at the end the line is back where it was, and it is
# right again.

figure, ax = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
window = np.ones(10) / 10
for name, score in scores.items():
    ax.plot(np.arange(10, n_lots), np.convolve(score[1:], window, "valid"), label=name)
ax.axvline(n_first, color="grey", linestyle=":")
ax.text(n_first + 3, 0.02, "the line\nbegins to turn", color="grey")
ax.set(xlabel="lot", ylabel="accuracy, mean of 10 lots", ylim=(0, 1.02))
figure.legend(loc="outside upper center")
plt.show()
