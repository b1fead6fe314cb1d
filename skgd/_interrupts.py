"""Ctrl-C during a fit: it waits for the end of the epoch."""

import signal
import threading

_RAISE = signal.default_int_handler


class Interrupts:
    """Holds Ctrl-C back for the length of a `with` block.

    It sets `pending`, for the epoch loop to look at, so that no epoch is cut off
    between its training and its records. Where somebody else handles the signal, or in
    a thread other than the main one, nothing is done.
    """

    def __init__(self):
        self.pending = False
        self._is_held = True

    def __enter__(self):
        in_main_thread = threading.current_thread() is threading.main_thread()
        is_free = in_main_thread and signal.getsignal(signal.SIGINT) is _RAISE
        self._is_installed = is_free
        if is_free:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exception):
        if self._is_installed:
            signal.signal(signal.SIGINT, _RAISE)

    def _handle(self, number, frame):
        if not self._is_held:
            raise KeyboardInterrupt
        self.pending = True

    def release(self, function, *arguments):
        """Call a function that may be a person's own and slow: Ctrl-C raises in it."""
        self._is_held = False
        try:
            return function(*arguments)
        finally:
            self._is_held = True
