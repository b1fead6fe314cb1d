"""Look at fits with TensorBoard: from the JSON lines of EpochLogger to its files.

    pip install 'skgd[tracking]'
    python examples/track_tensorboard.py [folder]
    tensorboard --logdir folder/board

The lines can be read while the fits are running, by another process or on another
machine, and as often as you like. The writers of PyTorch (``torch.utils.tensorboard``)
and tensorboardX have the same method ``add_scalar``.
"""

import json
import shutil
import sys
import tempfile
import warnings
from datetime import datetime
from pathlib import Path

from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from tensorboard.summary import Writer

from skgd import GDNeuralRegressor, TabularRegressor
from skgd.callbacks import EpochLogger

NUMBERS = ("loss", "validation_loss", "validation_score", "learning_rate", "seconds")


def write_board(lines, board):
    """Write the epochs of a file of JSON lines, with a folder for each fit."""
    shutil.rmtree(board, ignore_errors=True)
    writers = {}
    for line in Path(lines).read_text().splitlines():
        epoch = json.loads(line)
        name = " ".join([*epoch["within"], epoch["fit"]])
        if name not in writers:
            writers[name] = Writer(str(board / name))
        wall_time = datetime.fromisoformat(epoch["time"]).timestamp()
        for number in NUMBERS:
            if epoch.get(number) is not None:
                writers[name].add_scalar(
                    number, epoch[number], epoch["epoch"], wall_time=wall_time
                )
    for writer in writers.values():
        writer.close()


def main(folder):
    warnings.simplefilter("ignore", ConvergenceWarning)
    folder = Path(folder)
    X, y = load_diabetes(return_X_y=True)
    net = GDNeuralRegressor(max_iter=30).set_callbacks(EpochLogger(folder / "epochs"))
    TabularRegressor(estimator=net, n_members=4, random_state=0).fit(X, y)
    write_board(folder / "epochs", folder / "board")
    for fit in sorted((folder / "board").iterdir()):
        print(fit.name)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(temporary)
