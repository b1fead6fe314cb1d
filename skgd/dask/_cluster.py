"""The user's cluster: finding it, running tasks, and what can go wrong with it."""

from asyncio import CancelledError
from concurrent.futures import CancelledError as FutureCancelledError
from contextlib import contextmanager
from itertools import count

import dask
from distributed import KilledWorker, get_client, get_worker
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError

from skgd.descent.loop import CutOff

# Dask warns of large tasks. Here tasks are large because they hold the parameters.
_NO_WARNING = {"distributed.admin.large-graph-warning-threshold": "1 TB"}

_LOST = (CancelledError, FutureCancelledError)
_CLOSED = (ClosedClientError, CommClosedError)

_KILLS = "Give the workers more memory, or make smaller partitions."


class ClusterError(CutOff):
    """The cluster cannot go on; the message says why."""


class Cluster:
    """The workers behind a user's client.

    Parameters
    ----------
    client : distributed.Client or None
        None stands for the current one.

    Raises
    ------
    ValueError
        If there is no client, or an asynchronous one, or if this is a worker's task.
    ClusterError
        If its connection is lost.
    """

    def __init__(self, client=None):
        if _is_a_task():
            raise ValueError(
                "Estimators of skgd.dask cannot work in a task on a worker, as they "
                "would wait there for tasks of their own. In a search on the cluster "
                "use GDNeuralRegressor or GDNeuralClassifier."
            )
        if client is None:
            try:
                client = get_client()
            except ValueError:
                raise ValueError(
                    "There is no Dask client. Start one, for example client = "
                    "distributed.Client(), or pass client=."
                ) from None
        if client.asynchronous:
            raise ValueError(
                "client must be a synchronous distributed.Client, got one with "
                "asynchronous=True."
            )
        self.client = client
        self._address = getattr(client.scheduler, "address", client)
        self._check_connection()

    def workers(self):
        """Return the addresses of the present workers, in a fixed order."""
        self._check_connection()
        try:
            return sorted(self.client.nthreads())
        except OSError as error:
            raise self._connection_lost() from error

    def run(self, submit, restore=lambda: False):
        """Run tasks, and return their results in order.

        If a worker dies, Dask runs its tasks again on another one.

        Parameters
        ----------
        submit : callable
            Submits the tasks, and returns their futures.
        restore : callable
            Called when data have been lost that Dask cannot compute again. If it
            returns True, it has put them back, and the tasks are submitted once more.

        Raises
        ------
        ClusterError
            If the connection to the scheduler is lost, if workers die of a task again
            and again, or if data are lost for good.
        """
        for n_restored in count():
            self._check_connection()
            try:
                with self._explained(), dask.config.set(_NO_WARNING):
                    futures = submit()
                    return self.client.gather(futures)
            except _LOST as error:
                lost = error
            self._check_connection()
            # Dask counts how many workers a task has killed. It would begin anew with
            # tasks that are submitted again, so they are counted here.
            if n_restored == dask.config.get("distributed.scheduler.allowed-failures"):
                raise ClusterError(
                    f"{n_restored + 1} times in a row a worker died. {_KILLS}"
                ) from lost
            with self._explained():
                is_restored = restore()
            if not is_restored:
                raise ClusterError(
                    "A worker died with data that Dask cannot compute again, such as "
                    "scattered ones: pass collections that are read or computed on the "
                    f"workers. ({lost})"
                ) from lost

    @contextmanager
    def _explained(self):
        """Turn failures of the cluster into a ClusterError; errors of tasks pass."""
        try:
            yield
        except KilledWorker as error:
            raise ClusterError(f"{error} {_KILLS}") from error
        except _CLOSED as error:
            raise self._connection_lost() from error
        except Exception as error:
            if self.client.status != "running":
                raise self._connection_lost() from error
            raise

    def _check_connection(self):
        if self.client.status != "running":
            raise self._connection_lost()

    def _connection_lost(self):
        return ClusterError(
            f"The connection to the Dask scheduler at {self._address} is lost."
        )


def _is_a_task():
    """Return whether this code is run by a worker."""
    try:
        get_worker()
    except ValueError:
        return False
    return True
