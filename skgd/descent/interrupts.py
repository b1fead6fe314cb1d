"""Ctrl-C during a fit: it waits for the end of the epoch."""

import signal
import threading
from concurrent.futures import CancelledError
from contextlib import contextmanager

# The event that ends the fits of a thread, as the attribute `event`.
_ends = threading.local()

_RAISE = signal.default_int_handler


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
    """Holds Ctrl-C back in a `with` block, from `hold` on.

    So Ctrl-C cannot come between the training of an epoch and its records, nor between
    the last epoch and the end of the fit. Where the program has a handler of its own
    for the signal, or in a thread other than the main one, nothing is changed. An
    interrupt that is still pending at the end of the block is raised there.

    Attributes
    ----------
    pending : bool
        Whether there is an interrupt that has not been raised yet.
    """

    def __init__(self):
        self.pending = False
        self._holds = False

    def __enter__(self):
        in_main_thread = threading.current_thread() is threading.main_thread()
        is_free = in_main_thread and signal.getsignal(signal.SIGINT) is _RAISE
        self._is_installed = is_free
        if is_free:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exception):
        if self._is_installed and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, _RAISE)
        if self.pending:
            raise KeyboardInterrupt

    def _handle(self, number, frame):
        if not self._holds:
            raise KeyboardInterrupt
        self.pending = True

    def hold(self):
        """Hold Ctrl-C back from now on: it makes an interrupt pending."""
        self._holds = True

    def interruptible(self, function, *arguments, default=None):
        """Call a function that may be a user's own and slow.

        Ctrl-C ends the call. `default` is then returned, and the interrupt is pending;
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
