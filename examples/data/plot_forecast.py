"""
Forecasting a series
====================

A network sees the last seven days of an hourly series, 168 numbers, and predicts the
next 24 at once: a regression with 24 outputs.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor

# Each fit goes to the end of its schedule, and is not meant to converge before.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# A made-up demand for electricity: two peaks a day, less of it on weekends, and weather
# that makes it wander for days.
rng = np.random.default_rng(0)
n_weeks, n_test_weeks = 40, 8
hours = np.arange(24 * 7 * n_weeks)
time_of_day = 2 * np.pi * (hours % 24) / 24
is_weekend = hours // 24 % 7 >= 5
shape = -np.cos(time_of_day) - 0.6 * np.cos(2 * time_of_day - 0.5)
weather = np.zeros(hours.size)
for t in range(1, hours.size):
    weather[t] = 0.97 * weather[t - 1] + rng.normal(scale=1.5)
demand = 100 + 15 * shape * np.where(is_weekend, 0.5, 1.0) - 10 * is_weekend + weather

# Each row has 168 hours to predict from and 24 to predict.
windows = sliding_window_view((demand - 100) / 20, 168 + 24)
n_train = hours.size - 24 * 7 * n_test_weeks - len(windows[0]) + 1
X, Y = windows[:, :168], windows[:, 168:]
X_test, Y_test = X[n_train + 191 :], Y[n_train + 191 :]  # share no hour with training

net = GDNeuralRegressor(
    (64,),
    weight_decay=0.1,
    learning_rate="one_cycle",
    learning_rate_init=0.003,
    max_iter=30,
    n_iter_no_change=np.inf,
    random_state=0,
)
net.fit(X[:n_train], Y[:n_train])

forecast = 20 * net.predict(X_test)
errors = {
    "network": np.abs(forecast - 20 * Y_test).mean(axis=0),
    "same hour a week ago": np.abs(20 * (X_test[:, :24] - Y_test)).mean(axis=0),
    "same hour yesterday": np.abs(20 * (X_test[:, -24:] - Y_test)).mean(axis=0),
}
for name, error in errors.items():
    print(f"{name:20} mean absolute error {error.mean():.2f}")

# %%
# First are four forecasts, one a midnight, against what came. Then comes the error by
# how far ahead a forecast looks, over eight weeks that the network has not seen. It
# does better than taking over an hour of yesterday or of a week ago, as it knows both
# the shape of the day and how the weather has been of late. The further ahead, the
# less of that counts, and the error grows.

# The network is orange and what came is black, in both pictures.
colours = {
    "network": "tab:orange",
    "same hour a week ago": "tab:green",
    "same hour yesterday": "tab:gray",
}
figure, ax = plt.subplots(figsize=(3.6, 3), layout="constrained")
# The test hours begin where the first test window's forecast does.
first = n_train + 191 + 168
midnight = -first % 24
for day in range(3, 7):
    start = midnight + 24 * day
    ax.plot(
        24 * day + np.arange(24),
        100 + forecast[start],
        color=colours["network"],
        linewidth=2.5,
        label="forecast of the network" if day == 3 else None,
    )
shown = np.arange(24 * 2, 24 * 7)
ax.plot(shown, demand[first + midnight + shown], "k", linewidth=1, label="demand")
ax.set(xticks=range(48, 169, 24), xticklabels=range(6), xlabel="day", ylabel="demand")
figure.legend(loc="outside upper center")

figure, ax = plt.subplots(figsize=(3.6, 3), layout="constrained")
for name, error in errors.items():
    ax.plot(np.arange(1, 25), error, color=colours[name], label=name)
ax.set(xlabel="hours ahead", ylabel="mean absolute error", ylim=(0, None))
ax.legend()
plt.show()
