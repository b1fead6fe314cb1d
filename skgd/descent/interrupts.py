"""Ctrl-C and SIGTERM during a fit: they wait for the end of the epoch."""

import os
import signal
import sys
import threading
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress

# The event that ends the fits of a thread, as the attribute `event`.
_ends = threading.local()

# The signals that end a fit, and the handlers by which nobody else has claimed them.
_UNCLAIMED = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


@contextmanager
def ended_by(event):
    """Have fits of this thread raise CancelledError after an epoch, once it is set.

    Ctrl-C is raised in the main thread only, which passes it on by this event.
    """
    _ends.event = event
    try:
        yield
    finally:
        del _ends.event


class Interrupts:
    """Holds Ctrl-C and SIGTERM back in a `with` block, from `hold` on.

    So neither can come between the training of an epoch and its records, nor between
    the last epoch and the end of the fit. Both end a fit in the same way. After it,
    SIGTERM ends the process as it would have done at once. Where the program has a
    handler of its own for a signal, or in a thread other than the main one, nothing is
    changed. An interrupt that is still pending at the end of the block is raised there.

    Attributes
    ----------
    pending : bool
        Whether there is an interrupt that has not been raised yet.
    is_terminated : bool
        Whether one was SIGTERM, so that the process ends after the block.
    """

    def __init__(self):
        self.pending = self.is_terminated = self._holds = False
        self._claimed = []

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number, handler in _UNCLAIMED.items():
                if signal.getsignal(number) is handler:
                    signal.signal(number, self._handle)
                    self._claimed.append(number)
        return self

    def __exit__(self, *exception):
        for number in self._claimed:
            if signal.getsignal(number) == self._handle:
                signal.signal(number, _UNCLAIMED[number])
        if self.is_terminated:
            _end_process()
        if self.pending:
            raise KeyboardInterrupt

    def _handle(self, number, frame):
        self.is_terminated |= number == signal.SIGTERM
        if not self._holds:
            raise KeyboardInterrupt
        self.pending = True

    def hold(self):
        """Hold interrupts back from now on: they are pending."""
        self._holds = True

    def interruptible(self, function, *arguments, default=None):
        """Call a function that may be a user's own and slow.

        An interrupt ends the call. `default` is then returned, and it is pending;
        before `hold`, it is raised at once.
        """
        held, self._holds = self._holds, False
        try:
            return function(*arguments)
        except KeyboardInterrupt:
            if not held:
                raise
            self.pending = True
            return default
        finally:
            self._holds = held

    def check(self):
        """Raise a pending interrupt, which is pending no longer."""
        if hasattr(_ends, "event") and _ends.event.is_set():
            raise CancelledError
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt


def _end_process():
    """End the process as SIGTERM does where nobody handles it."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # it may be closed, or None
            stream.flush()
    signal.raise_signal(signal.SIGTERM)
    # The first process of a container outlives the default handler.
    os._exit(128 + signal.SIGTERM)
