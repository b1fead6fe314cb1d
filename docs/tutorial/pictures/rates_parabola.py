"""Steps on a parabola with four learning rates, in units of one over its curvature."""

import matplotlib.pyplot as plt
import numpy as np

rates = [0.1, 1.0, 1.8, 2.15]
fig, axes = plt.subplots(
    1, 4, figsize=(7, 2.3), sharex=True, sharey=True, layout="constrained"
)
w = np.linspace(-2.6, 2.6, 201)
for ax, rate in zip(axes, rates, strict=True):
    steps = [-1.0 if rate > 2 else -2.0]
    for _ in range(6):
        steps.append((1 - rate) * steps[-1])
    steps = np.array(steps)
    ax.plot(w, w**2 / 2, color="0.7")
    ax.plot(steps, steps**2 / 2, ".-", color="tab:red", lw=1)
    ax.plot(steps[0], steps[0] ** 2 / 2, "o", color="tab:blue")
    ax.set(title=rf"$\eta = {rate:g}\,/\,c$", xlabel="$w$", xlim=(-2.6, 2.6))
axes[0].set(ylabel="$L(w)$", ylim=(-0.2, 3.4))
plt.show()
