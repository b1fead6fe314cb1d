"""Learning-rate schedules: the rates of an epoch's steps, and what a plateau does.

There are two kinds. A schedule of the first kind is told when an epoch ends, and when a
plateau is reached (no improvement for `n_iter_no_change` epochs), and returns the next
epoch's rate. To add one, write a class, and add its name to `SCHEDULES`. A schedule of
the second kind is a curve over training progress, which is 0 at the first step and 1 at
the last one that `max_iter` allows. Each step's rate is multiplied by the curve's
value. To add one, write a function, and add its name to `CURVES`.
"""

import numpy as np


class Constant:
    """The rate is always `learning_rate_init`; a plateau ends training."""

    farewell = "Stopping."

    def __init__(self, learning_rate_init, power_t):
        self.learning_rate_init = float(learning_rate_init)
        self.power_t = power_t

    def rates(self, state, max_iter, n_steps):
        """Return the rates of an epoch's steps.

        Parameters
        ----------
        state : TrainingState
            Read for the epoch's rate, and the epochs since the schedule began.
        max_iter : int
            Number of epochs that there may be.
        n_steps : int
            Number of steps in an epoch.

        Returns
        -------
        rates : ndarray of shape (n_steps,)
        """
        return np.full(n_steps, state.learning_rate)

    def after_epoch(self, rate, samples_seen):
        """Return the rate of the next epoch; `samples_seen` counts over all epochs."""
        return rate

    def on_plateau(self, rate):
        """Return the rate to go on with, or None to stop."""
        return None


class InvScaling(Constant):
    """The rate is ``learning_rate_init / (t + 1) ** power_t`` after t samples."""

    def after_epoch(self, rate, samples_seen):
        """Return the rate of the next epoch."""
        return self.learning_rate_init / (samples_seen + 1) ** self.power_t


class Adaptive(Constant):
    """Each plateau divides the rate by 5; one at a rate up to 1e-6 ends training."""

    farewell = "Learning rate too small. Stopping."

    def on_plateau(self, rate):
        """Return the rate to go on with, or None to stop."""
        return None if rate <= 1e-6 else rate / 5.0


SCHEDULES = {"constant": Constant, "invscaling": InvScaling, "adaptive": Adaptive}


def exponential(progress):
    """Fall from 1 to a hundredth, by the same factor at each step."""
    return 0.01**progress


def cosine(progress):
    """Fall from 1 to 0 along half a cosine wave (Loshchilov & Hutter, 2017)."""
    return 0.5 * (1 + np.cos(np.pi * progress))


def one_cycle(progress):
    """Rise from 1/25 to 1 in the first 30% of training, and then fall to 1/250,000.

    Both are half a cosine wave (Smith & Topin, 2018), with the numbers of OneCycleLR in
    PyTorch.
    """
    rise, lowest, last = 0.3, 1 / 25, 1 / 250_000
    up = lowest + (1 - lowest) * cosine(1 - progress / rise)
    down = last + (1 - last) * cosine((progress - rise) / (1 - rise))
    return np.where(progress < rise, up, down)


def coslog4(progress):
    """Make four waves between 0 and 1, of growing length (Holzmueller et al., 2024)."""
    return 0.5 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * progress)))


CURVES = {
    "exponential": exponential,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "coslog4": coslog4,
}


class Progress(Constant):
    """The rate is ``learning_rate_init`` times a curve; a plateau ends training."""

    def __init__(self, learning_rate_init, power_t, curve):
        super().__init__(learning_rate_init, power_t)
        self.curve = curve

    def rates(self, state, max_iter, n_steps):
        """Multiply the epoch's rate by the curve, at the progress of each step."""
        steps = state.scheduled_epochs * n_steps + np.arange(n_steps)
        progress = np.minimum(steps / max(max_iter * n_steps - 1, 1), 1.0)
        return state.learning_rate * self.multipliers(progress)

    def multipliers(self, progress):
        """Return what the rate is multiplied by at each step, shape (n_steps,).

        Raises
        ------
        ValueError
            If the curve returns another shape, or numbers that are negative or not
            finite.
        """
        values = np.asarray(self.curve(progress), dtype=np.float64)
        if values.shape != progress.shape:
            raise ValueError(
                "learning_rate must return one multiplier for each element of its "
                f"argument: got the shape {values.shape} for {progress.shape}."
            )
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(
                "learning_rate must return finite multipliers that are not negative, "
                f"got {values[~(np.isfinite(values) & (values >= 0))][0]}."
            )
        return values


def make_schedule(learning_rate, learning_rate_init, power_t):
    """Make a schedule, given its name or a user's curve."""
    if learning_rate in SCHEDULES:
        return SCHEDULES[learning_rate](learning_rate_init, power_t)
    curve = CURVES.get(learning_rate, learning_rate)
    return Progress(learning_rate_init, power_t, curve)
