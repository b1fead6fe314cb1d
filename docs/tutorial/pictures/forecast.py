"""Sixty days of a series, with the forecasts of a network and of yesterday's value."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
rng = np.random.default_rng(0)
store, series = 1.0, []
week = np.array([0.5, 0.2, 0.0, 0.0, 0.3, -0.4, -0.6])
for day in range(1500):
    filled = 1 / (1 + np.exp(-4 * (store - 3)))
    store = (1 - filled) * (store + 0.6) + filled * 0.5 + 0.15 * rng.normal()
    series.append(store + week[day % 7])

windows = np.lib.stride_tricks.sliding_window_view(np.array(series), 15)
X, y = windows[:, :-1], windows[:, -1]
net = GDNeuralRegressor(
    hidden_layer_sizes=(50,),
    activation="tanh",
    learning_rate="cosine",
    learning_rate_init=0.01,
    weight_decay=0.03,
    batch_size=32,
    max_iter=200,
    n_iter_no_change=np.inf,
    random_state=0,
)
model = TransformedTargetRegressor(
    make_pipeline(StandardScaler(), net), transformer=StandardScaler()
).fit(X[:1200], y[:1200])
forecast = model.predict(X[1200:])

shown = slice(0, 60)
days = np.arange(60)
fig, ax = plt.subplots(figsize=(4.5, 2.8), layout="constrained")
ax.plot(days, y[1200:][shown], "o-", color="black", ms=3, lw=0.8, label="observed")
ax.plot(days, forecast[shown], color="tab:orange", lw=1.8, label="network")
ax.plot(days, X[1200:, -1][shown], ":", color="tab:gray", lw=1.4, label="yesterday")
ax.set(xlabel="day", xlim=(0, 59))
fig.legend(loc="outside upper center", ncols=3)
plt.show()
