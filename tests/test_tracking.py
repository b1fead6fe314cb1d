"""The examples of experiment trackers write what the fits have learned.

They are run in processes of their own, where the extra `tracking` is installed, as it
is for the documentation.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

EXAMPLES = Path(__file__).parent.parent / "examples"
pytestmark = pytest.mark.slow


def run(name, folder):
    result = subprocess.run(
        [sys.executable, EXAMPLES / name, folder], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def needs(package):
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None, reason=f"needs {package}"
    )


# Each reads the store in a process of its own, as these packages warn on import.
READ_MLFLOW = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(f"sqlite:///{sys.argv[1]}/mlflow.db")
runs = client.search_runs([client.get_experiment_by_name("diabetes").experiment_id])
names = ("loss", "validation_loss", "validation_score", "learning_rate")
print(json.dumps([
    [run.info.status, run.data.params["max_iter"]] + [
        [m.step for m in client.get_metric_history(run.info.run_id, name)]
        for name in names
    ]
    for run in runs
]))
"""


@needs("mlflow")
def test_mlflow_has_a_run_of_each_fit(tmp_path):
    printed = run("track_mlflow.py", tmp_path)
    assert printed.startswith("7 runs in sqlite:///")
    result = subprocess.run(
        [sys.executable, "-c", READ_MLFLOW, tmp_path], capture_output=True, text=True
    )
    runs = json.loads(result.stdout.splitlines()[-1])
    assert len(runs) == 7
    for status, max_iter, *steps in runs:
        assert (status, max_iter) == ("FINISHED", "30")
        n_epochs = len(steps[0])
        assert 10 < n_epochs <= 30
        assert steps == [list(range(1, n_epochs + 1))] * 4


READ_BOARD = """
import json, sys
from pathlib import Path
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
for folder in sorted(Path(sys.argv[1]).iterdir()):
    events = EventAccumulator(str(folder), {"tensors": 0}).Reload()  # 0 is all
    values = [(e.step, e.tensor_proto.float_val[0]) for e in events.Tensors("loss")]
    print(json.dumps([folder.name, sorted(events.Tags()["tensors"]), values]))
"""


@needs("tensorboard")
def test_tensorboard_has_the_losses_of_each_member(tmp_path):
    run("track_tensorboard.py", tmp_path)
    written = (tmp_path / "epochs").read_text().splitlines()
    lines = [json.loads(line) for line in written]
    result = subprocess.run(
        [sys.executable, "-c", READ_BOARD, tmp_path / "board"],
        capture_output=True,
        text=True,
    )
    boards = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(boards) == 4
    for number, (name, tags, values) in enumerate(boards):
        assert name.startswith(f"TabularRegressor member {number} ")
        assert tags == sorted(
            ["loss", "validation_loss", "validation_score", "learning_rate", "seconds"]
        )
        own = [line for line in lines if name.endswith(line["fit"])]
        assert [step for step, _ in values] == list(range(1, 31))
        assert [value for _, value in values] == pytest.approx(
            [line["loss"] for line in own], rel=1e-6
        )
