"""Files of estimators, from which a fit can be completed."""

import pickle
from pathlib import Path

from skgd._files import read_whole, write_whole


def save_checkpoint(estimator, path):
    """Write an estimator to a file; after a crash it is the new or the former file.

    Parameters
    ----------
    estimator : estimator of skgd
        Fitted or not; its callbacks are saved with it.

    path : str or path-like
        File to write.

    Raises
    ------
    OSError
        If it cannot be written. A former file is then still there.

    See Also
    --------
    load_checkpoint : Reads the file.
    """
    write_whole(Path(path), pickle.dumps(estimator), durable=True)


def load_checkpoint(path):
    """Read a file that `Checkpoint` or `save_checkpoint` has written.

    The file is a pickle: load only what you trust.

    Parameters
    ----------
    path : str or path-like
        File to read.

    Returns
    -------
    estimator : estimator of skgd
        From `Checkpoint` it is fitted, with the weights of the last epoch that was
        saved, and can predict. Its `fit`, with ``warm_start=True`` and the same data
        and validation data, completes the fit. Parameters may be set before, such as a
        larger `max_iter`.

    Raises
    ------
    ValueError
        If the file is damaged, or no checkpoint, or of a form that this version of skgd
        does not read.
    FileNotFoundError
        If there is no such file.

    See Also
    --------
    Checkpoint : With ``resume=True``, it reads the file by itself.
    """
    payload = read_whole(Path(path))
    if payload is None:
        raise ValueError(
            f"{path} is damaged, or no checkpoint of skgd: its checksum is not right. "
            "Delete it to begin anew."
        )
    return pickle.loads(payload)
