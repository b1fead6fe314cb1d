"""Draw README's animation: three descents on one loss surface, and their losses.

    python docs/readme_animation.py

It writes docs/readme_animation.gif. The surface is of the kind that the live descents
call two hollows, and the steps are the library's.
"""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image

from skgd import GDNeuralRegressor, Loss

DOCS = Path(__file__).parent
N_PASSES, N_SAMPLES = 15, 64
SAMPLES_PER_FRAME = 8
N_COLORS = 192
START = -1.7, -1.3
# Name, samples a step, and colour in the live descents, as are the colours below.
SOLVERS = [("batch", 64, "#0072b2"), ("minibatch", 8, "#d55e00"), ("sgd", 1, "#009e73")]
SURFACE = LinearSegmentedColormap.from_list("", ["#fff8e6", "#d3dcec", "#8c9fc6"])
CONTOUR, TEXT = "#5f739f", "#1f2933"


def value(y, z):
    """Return 1 - exp(-e**2 / 2) of the error e, which hardly counts outliers."""
    return 1 - np.exp(-0.5 * (z - y) ** 2)


def gradient(y, z):
    """Return the derivative of `value` by the prediction."""
    return (z - y) * np.exp(-0.5 * (z - y) ** 2)


WELSCH = Loss("welsch", value=value, gradient=gradient)


def make_samples():
    """Return x and y: five of eight samples on one line, and three on another."""
    x, noise = np.random.default_rng(1).normal(size=(2, N_SAMPLES))
    is_first = np.arange(N_SAMPLES) % 8 < 5
    return x, np.where(is_first, x + 0.5, -0.8 * x - 0.6) + 0.3 * noise


def descend(x, y, batch_size):
    """Return slope and intercept at the start and after each step."""
    net = GDNeuralRegressor.from_layers(
        [np.array([[START[0]]])],
        [np.array([START[1]])],
        loss=WELSCH,
        solver="batch",
        optimizer="gd",
        learning_rate_init=0.3,
        alpha=0,
    )
    rng = np.random.default_rng(0)
    places = [START]
    for _ in range(N_PASSES):
        # Each batch in a call of its own, to see every step.
        for batch in rng.permutation(N_SAMPLES).reshape(-1, batch_size):
            net.partial_fit(x[batch, None], y[batch])
            places.append((net.coefs_[0][0, 0], net.intercepts_[0][0]))
    return np.array(places)


def mean_loss(x, y, w, b):
    """Return the loss on all samples, for arrays of slopes and intercepts."""
    return value(y, np.multiply.outer(w, x) + b[..., None]).mean(axis=-1)


def draw_background(x, y):
    """Return a figure: the surface on its left, and axes for losses on its right."""
    fig, (plane, chart) = plt.subplots(1, 2, figsize=(9, 3.8), width_ratios=[1.35, 1])
    w, b = np.meshgrid(np.linspace(-2.9, 2.9, 300), np.linspace(-2.1, 1.96, 210))
    height = mean_loss(x, y, w, b)
    plane.contourf(w, b, height, levels=14, cmap=SURFACE)
    plane.contour(w, b, height, levels=14, colors=CONTOUR, linewidths=0.4)
    plane.plot(*START, "o", color=TEXT, ms=8, mfc="none")
    plane.set(xticks=[], yticks=[], xlabel="slope $w$", ylabel="intercept $b$")
    chart.set(xlim=(0, N_PASSES), ylim=(0.2, 0.7), xticks=range(0, N_PASSES + 1, 5))
    chart.set(xlabel="passes over the samples", ylabel="loss")
    return fig, plane, chart


class Descent:
    """The path of a solver on the plane, and its loss on the chart."""

    def __init__(self, x, y, plane, chart, name, batch_size, color):
        self.places = descend(x, y, batch_size)
        self.losses = mean_loss(x, y, *self.places.T)
        self.seen = np.arange(len(self.places)) * batch_size
        label = f"{name}, {batch_size} a step"
        # The fewer steps there are, the further in front they are drawn.
        style = {"color": color, "lw": 1.8, "zorder": 2 + batch_size / N_SAMPLES}
        (self.path,) = plane.plot([], [], **style)
        (self.head,) = plane.plot([], [], "o", color=color, ms=9, mec="white", zorder=4)
        (self.curve,) = chart.plot([], [], **style, label=label)

    def show(self, now):
        """Draw the steps that were made from so many samples."""
        n = np.searchsorted(self.seen, now, side="right")
        self.path.set_data(*self.places[:n].T)
        self.head.set_data(*self.places[n - 1 : n].T)
        self.curve.set_data(self.seen[:n] / N_SAMPLES, self.losses[:n])


def draw_frames():
    """Yield a picture after every few samples."""
    x, y = make_samples()
    fig, plane, chart = draw_background(x, y)
    descents = [Descent(x, y, plane, chart, *solver) for solver in SOLVERS]
    chart.legend(loc="upper right")
    for now in range(0, N_PASSES * N_SAMPLES + 1, SAMPLES_PER_FRAME):
        for descent in descents:
            descent.show(now)
        fig.canvas.draw()
        yield Image.fromarray(np.asarray(fig.canvas.buffer_rgba())).convert("RGB")


def main():
    """Draw all frames with the colours of the last one, and write them."""
    matplotlib.use("Agg")
    plt.style.use(DOCS / "matplotlibrc")
    plt.rcParams.update({"figure.facecolor": "white", "figure.dpi": 130})
    plt.rcParams.update({"font.size": 12, "text.color": TEXT})
    frames = list(draw_frames())
    palette = frames[-1].quantize(N_COLORS)
    first, *others = (
        frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    )
    first.save(
        DOCS / "readme_animation.gif",
        save_all=True,
        append_images=others,
        duration=[60] * len(others) + [3000],  # milliseconds
        loop=0,
        optimize=True,  # keeps what changes from frame to frame
    )


if __name__ == "__main__":
    main()
