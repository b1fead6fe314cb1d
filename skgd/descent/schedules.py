"""Learning-rate schedules: the rates of an epoch's steps, and what a plateau does.

There are two kinds. One sees the epoch's end and the plateau (no improvement for
`n_iter_no_change` epochs), and answers with the next epoch's rate. To add one: a class,
and its name in `SCHEDULES`. The other is a curve over training progress, from 0 at the
first step to 1 at the last one that `max_iter` allows, by which each step's rate is
multiplied. To add one: a function, and its name in `CURVES`.
"""

import numpy as np


class Constant:
    """Always `learning_rate_init`; a plateau ends training."""

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
            Epochs that there may be.
        n_steps : int

        Returns
        -------
        rates : ndarray of shape (n_steps,)
        """
        return np.full(n_steps, state.learning_rate)

    def after_epoch(self, rate, samples_seen):
        """Rate of the next epoch, `samples_seen` being counted over all epochs."""
        return rate

    def on_plateau(self, rate):
        """Rate to go on with, or None to stop."""
        return None


class InvScaling(Constant):
    """``learning_rate_init / (t + 1) ** power_t`` with t the samples seen so far."""

    def after_epoch(self, rate, samples_seen):
        """Rate of the next epoch."""
        return self.learning_rate_init / (samples_seen + 1) ** self.power_t


class Adaptive(Constant):
    """A fifth of the rate at each plateau; training stops at a plateau below 1e-6."""

    farewell = "Learning rate too small. Stopping."

    def on_plateau(self, rate):
        """Rate to go on with, or None to stop."""
        return None if rate <= 1e-6 else rate / 5.0


SCHEDULES = {"constant": Constant, "invscaling": InvScaling, "adaptive": Adaptive}


def exponential(progress):
    """From 1 down to a hundredth, by the same factor at each step."""
    return 0.01**progress


def cosine(progress):
    """Half a cosine wave, from 1 down to 0 (Loshchilov & Hutter, 2017)."""
    return 0.5 * (1 + np.cos(np.pi * progress))


def one_cycle(progress):
    """Up from 1/25 to 1 in the first 30%, and down to 1/250,000 (Smith & Topin, 2018).

    Both by half a cosine wave, with the numbers of PyTorch's OneCycleLR.
    """
    rise, lowest, last = 0.3, 1 / 25, 1 / 250_000
    up = lowest + (1 - lowest) * cosine(1 - progress / rise)
    down = last + (1 - last) * cosine((progress - rise) / (1 - rise))
    return np.where(progress < rise, up, down)


def coslog4(progress):
    """Four waves between 0 and 1, of growing length (Holzmueller et al., 2024)."""
    return 0.5 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * progress)))


CURVES = {
    "exponential": exponential,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "coslog4": coslog4,
}


class Progress(Constant):
    """``learning_rate_init`` times a curve; a plateau ends training."""

    def __init__(self, learning_rate_init, power_t, curve):
        super().__init__(learning_rate_init, power_t)
        self.curve = curve

    def rates(self, state, max_iter, n_steps):
        """Multiply the epoch's rate by the curve, at the progress of each step."""
        steps = state.scheduled_epochs * n_steps + np.arange(n_steps)
        progress = np.minimum(steps / max(max_iter * n_steps - 1, 1), 1.0)
        return state.learning_rate * self.multipliers(progress)

    def multipliers(self, progress):
        """What the epoch's rate is multiplied by at each step, shape (n_steps,)."""
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
    """Return the schedule that a name, or a curve of a user's own, stands for."""
    if learning_rate in SCHEDULES:
        return SCHEDULES[learning_rate](learning_rate_init, power_t)
    curve = CURVES.get(learning_rate, learning_rate)
    return Progress(learning_rate_init, power_t, curve)
