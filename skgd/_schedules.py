"""Learning-rate schedules: the rate of each epoch, and what a plateau does to it.

A schedule sees the epoch's end and the plateau (no improvement for `n_iter_no_change`
epochs), and answers with the next rate. To add one: a class, and its name in
`SCHEDULES`.
"""


class Constant:
    """Always `learning_rate_init`; a plateau ends training."""

    farewell = "Stopping."

    def __init__(self, learning_rate_init, power_t):
        self.learning_rate_init = float(learning_rate_init)
        self.power_t = power_t

    def after_epoch(self, rate, samples_seen):
        """Rate of the next epoch, `samples_seen` being counted over all epochs."""
        return rate

    def on_plateau(self, rate):
        """Rate to go on with, or None to stop."""
        return None


class InvScaling(Constant):
    """``learning_rate_init / (t + 1) ** power_t`` with t the samples seen so far."""

    def after_epoch(self, rate, samples_seen):
        return self.learning_rate_init / (samples_seen + 1) ** self.power_t


class Adaptive(Constant):
    """A fifth of the rate at each plateau; training stops at a plateau below 1e-6."""

    farewell = "Learning rate too small. Stopping."

    def on_plateau(self, rate):
        return None if rate <= 1e-6 else rate / 5.0


SCHEDULES = {"constant": Constant, "invscaling": InvScaling, "adaptive": Adaptive}
