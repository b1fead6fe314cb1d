"""Fit the model of the example, and save it: python train.py model.skops (or .onnx)."""

import sys

from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from service import save
from skgd import GDNeuralClassifier

X, y = load_wine(return_X_y=True, as_frame=True)
columns = make_column_transformer((StandardScaler(), list(X)))
net = GDNeuralClassifier((20,), learning_rate_init=0.01, tol=0.001, random_state=0)
model = make_pipeline(columns, net).fit(X, y)
print(f"fitted in {net.n_iter_} epochs")
save(model, X, sys.argv[1])
