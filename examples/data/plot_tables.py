"""
Tables with categories and gaps
===============================

``TabularRegressor`` and ``TabularClassifier`` take a frame as it is. They average eight
networks, each of which holds out another part of the samples. From their predictions of
these parts follow a score, intervals and calibrated probabilities.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.calibration import CalibrationDisplay
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralClassifier, TabularClassifier, TabularRegressor

# Made-up used cars. A car loses value with its age and with every kilometre, at a pace
# that depends on its maker. Some sellers leave fields empty.
rng = np.random.default_rng(3)
n_cars, n_train = 4000, 1000
makers = ["Alba", "Brio", "Corvo", "Delta", "Estro"]
cars = pd.DataFrame(
    {
        "maker": rng.choice(makers, n_cars, p=[0.35, 0.3, 0.2, 0.1, 0.05]),
        "fuel": rng.choice(["petrol", "diesel", "electric"], n_cars, p=[0.5, 0.3, 0.2]),
        "age": rng.gamma(2.5, 2.5, n_cars).round(1),
        "owners": rng.integers(1, 5, n_cars),
        "garaged": rng.random(n_cars) < 0.4,
    }
)
cars["km"] = (cars["age"] * rng.lognormal(9.4, 0.4, n_cars)).round(-2)
pace = cars["maker"].map(dict(zip(makers, [0.10, 0.14, 0.08, 0.11, 0.05], strict=True)))
pace += cars["fuel"].map({"petrol": 0.0, "diesel": 0.01, "electric": 0.04})
new = cars["maker"].map(dict(zip(makers, [18, 15, 28, 35, 60], strict=True)))
wear = pace * cars["age"] + cars["km"] / 4e5
price = 1000 * new * np.exp(-wear + rng.normal(0, 0.15, n_cars))
# Whether a car passes its inspection at the first attempt.
odds = 1.8 - 2.2 * wear + 0.8 * cars["garaged"] - 0.3 * (cars["owners"] > 2)
passed = rng.random(n_cars) < 1 / (1 + np.exp(-odds))
cars["km"] = cars["km"].mask(rng.random(n_cars) < 0.15)
cars["fuel"] = cars["fuel"].mask(rng.random(n_cars) < 0.1)
print(cars.head())

X, X_new = cars[:n_train], cars[n_train:]

# %%
# Intervals
# ---------
# The regressor learns the logarithm of the price, as errors grow with prices. The ends
# of its intervals are transformed back, so the intervals grow as well. They are to hold
# the prices of 90% of new cars.

regressor = TabularRegressor(random_state=0).fit(X, np.log(price[:n_train]))
prediction = np.exp(regressor.predict(X_new))
low, high = np.exp(regressor.predict_interval(X_new, coverage=0.9)).T
paid = price[n_train:].to_numpy()
is_inside = (low <= paid) & (paid <= high)
print(f"Within the interval: {is_inside.mean():.0%} of the new cars")

shown = np.argsort(prediction)[::6]  # one in six, to see single cars
place = np.arange(shown.size)
figure, ax = plt.subplots(figsize=(4.5, 3.2), layout="constrained")
ax.fill_between(
    place, low[shown], high[shown], alpha=0.3, linewidth=0, label="90% interval"
)
ax.plot(place, prediction[shown], linewidth=2, label="prediction")
for inside, colour in [(True, "0.35"), (False, "tab:red")]:
    own = is_inside[shown] == inside
    label = f"paid, {'inside' if inside else 'outside'}"
    ax.plot(place[own], paid[shown][own], ".", color=colour, markersize=4, label=label)
ax.set(xlabel="new cars, in order of their prediction", ylabel="price")
ax.legend(loc="upper left")
plt.show()

# %%
# One member, and all
# -------------------
# Each member holds out a quarter of the cars. By half of these its best epoch is found,
# and the other half it has not seen at all: there it has a score (dots). So each car is
# predicted by a member that has not seen it, and the score of these predictions is
# ``oof_score_``. All eight together predict new cars, which is better than one of them;
# so ``oof_score_`` is rather too low than too high. Scores of different cars differ by
# chance, too, as the dots do.

score = regressor.score(X_new, np.log(paid))
figure, ax = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
ax.plot(regressor.member_scores_, "o", color="0.35", label="each member, unseen cars")
ax.axhline(regressor.oof_score_, color="tab:blue", label="oof_score_: all unseen cars")
ax.axhline(score, color="tab:orange", linestyle="--", label="all eight, on new cars")
ax.set(xlabel="member", ylabel="R2", xticks=range(8))
figure.legend(loc="outside upper center")
plt.show()

# %%
# Calibrated probabilities
# ------------------------
# Among cars whose predicted probability to pass is 80%, 80% should pass. A single
# network that is trained to the end is far too sure of itself. The members of the
# average are stopped by the samples that they hold out, and the temperature of its
# probabilities follows from these as well.

classifier = TabularClassifier(random_state=0).fit(X, passed[:n_train])
print(f"Accuracy of the folds {classifier.oof_score_:.2f}")
print(f"Accuracy on new cars {classifier.score(X_new, passed[n_train:]):.2f}")

encode = classifier.encoder_.transform  # the same columns for both
network = GDNeuralClassifier(learning_rate_init=0.01, random_state=0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # it would go on and on
    network.fit(encode(X), passed[:n_train])
figure, ax = plt.subplots(figsize=(4.5, 4.2), layout="constrained")
for name, probability in {
    "one network, trained to the end": network.predict_proba(encode(X_new)),
    "TabularClassifier": classifier.predict_proba(X_new),
}.items():
    CalibrationDisplay.from_predictions(
        passed[n_train:],
        probability[:, 1],
        n_bins=8,
        strategy="quantile",
        name=name,
        ax=ax,
    )
ax.set(xlabel="predicted probability to pass", ylabel="share that passed")
plt.show()
