"""The person's cluster: finding it, running tasks, and what can go wrong with it."""

from asyncio import CancelledError
from concurrent.futures import CancelledError as FutureCancelledError

import dask
from distributed import KilledWorker, get_client
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError

# Parameters are sent with the tasks: there is nothing to warn of.
_NO_WARNING = {"distributed.admin.large-graph-warning-threshold": "1 TB"}

_LOST = (CancelledError, FutureCancelledError)
_CLOSED = (ClosedClientError, CommClosedError)


class ClusterError(RuntimeError):
    """The cluster cannot go on; the message says why."""


class Cluster:
    """The workers behind a person's client.

    Parameters
    ----------
    client : distributed.Client or None
        None stands for the current one.

    Raises
    ------
    ValueError
        If there is no client, or an asynchronous one.
    ClusterError
        If its connection is lost.
    """

    def __init__(self, client=None):
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
        """Addresses of the workers that are there now, in a fixed order."""
        self._check_connection()
        try:
            return sorted(self.client.nthreads())
        except OSError as error:
            raise self._connection_lost() from error

    def run(self, submit, restore=lambda: False):
        """Run tasks, and return their results in order.

        A task whose worker dies is run again by Dask, elsewhere.

        Parameters
        ----------
        submit : callable
            Submits the tasks, and returns their futures.
        restore : callable
            Called when data have been lost that Dask cannot compute again. If it
            returns True they are back, and the tasks are submitted once more.

        Raises
        ------
        ClusterError
            If the connection to the scheduler is lost, if workers die of a task again
            and again, or if data are lost for good.
        """
        while True:
            self._check_connection()
            try:
                with dask.config.set(_NO_WARNING):
                    futures = submit()
                return self.client.gather(futures)
            except KilledWorker as error:
                raise ClusterError(
                    f"{error} Give the workers more memory, or make smaller partitions."
                ) from error
            except _CLOSED as error:
                raise self._connection_lost() from error
            except _LOST as error:
                self._check_connection()
                if not restore():
                    raise ClusterError(
                        "A worker died with data that Dask cannot compute again, such "
                        "as scattered ones: pass collections that are read or computed "
                        f"on the workers. ({error})"
                    ) from error

    def _check_connection(self):
        if self.client.status != "running":
            raise self._connection_lost()

    def _connection_lost(self):
        return ClusterError(
            f"The connection to the Dask scheduler at {self._address} is lost."
        )
