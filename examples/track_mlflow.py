"""Follow fits with MLflow: a run for each, also in a search and its worker processes.

    pip install 'skgd[tracking]'
    python examples/track_mlflow.py [folder]

The runs are kept in a SQLite file in the folder. To look at them, install mlflow and
run ``mlflow ui --backend-store-uri sqlite:///folder/mlflow.db``.
"""

import sys
import tempfile
import time
import warnings
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skgd import GDNeuralRegressor
from skgd.callbacks import epoch_metrics


class MlflowRuns:
    """Makes a run of each fit, with its parameters and the numbers of its epochs.

    Runs are named by their ids, and not by MLflow's notion of an active one, as several
    fits may be under way in threads. Epochs are sent once a second: a call of MLflow
    takes longer than an epoch of a small network.
    """

    def __init__(self, tracking_uri, experiment_id):
        self.tracking_uri, self.experiment_id = tracking_uri, experiment_id
        self.runs = {}  # of the fits under way: the run's id, what is to be sent, when

    def __getstate__(self):
        return {**vars(self), "runs": {}}

    def setup(self, estimator, context):
        client = MlflowClient(self.tracking_uri)
        run_id = client.create_run(self.experiment_id).info.run_id
        params = estimator.get_params().items()
        client.log_batch(run_id, params=[Param(k, str(v)[:500]) for k, v in params])
        self.runs[id(estimator)] = [run_id, [], time.monotonic()]

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name != "epoch":
            return
        run = self.runs[id(estimator)]
        numbers, now = epoch_metrics(estimator), int(1000 * time.time())
        step = numbers.pop("epoch")
        run[1] += [Metric(name, value, now, step) for name, value in numbers.items()]
        if time.monotonic() - run[2] > 1:
            self.send(run)

    def teardown(self, estimator, context):
        run = self.runs.pop(id(estimator), None)
        if run is not None:
            self.send(run)
            MlflowClient(self.tracking_uri).set_terminated(run[0])

    def send(self, run):
        run_id, metrics, _ = run
        client = MlflowClient(self.tracking_uri)
        for start in range(0, len(metrics), 1000):  # no more at once
            client.log_batch(run_id, metrics=metrics[start : start + 1000])
        run[1:] = [], time.monotonic()


def main(folder):
    warnings.simplefilter("ignore", ConvergenceWarning)
    uri = f"sqlite:///{Path(folder).absolute().as_posix()}/mlflow.db"
    client = MlflowClient(uri)
    experiment_id = client.create_experiment("diabetes")

    X, y = load_diabetes(return_X_y=True)
    net = GDNeuralRegressor((20,), max_iter=30, early_stopping=True, random_state=0)
    net.set_callbacks(MlflowRuns(uri, experiment_id))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), net),
        {"gdneuralregressor__learning_rate_init": [0.001, 0.01, 0.1]},
        cv=2,
        n_jobs=2,
    ).fit(X, scale(y))

    runs = client.search_runs([experiment_id])
    print(f"{len(runs)} runs in {uri}")  # 3 values, 2 folds, and the best on all data
    for run in sorted(runs, key=lambda run: run.info.start_time):
        scores = client.get_metric_history(run.info.run_id, "validation_score")
        rate = run.data.params["learning_rate_init"]
        best = max(score.value for score in scores)
        print(f"rate {rate:5}  {len(scores)} epochs, best validation score {best:.3f}")
    print(f"best: {search.best_params_}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(temporary)
