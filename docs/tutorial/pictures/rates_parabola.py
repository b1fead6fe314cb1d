"""Steps on a parabola with four learning rates, in units of one over its curvature."""

import matplotlib.pyplot as plt
import numpy as np

rates = [0.1, 1.0, 1.8, 2.15]
w = np.linspace(-2.6, 2.6, 201)
for rate in rates:
    steps = [-1.0 if rate > 2 else -2.0]
    for _ in range(6):
        steps.append((1 - rate) * steps[-1])
    steps = np.array(steps)
    fig, ax = plt.subplots(figsize=(1.8, 2), layout="constrained")
    ax.plot(w, w**2 / 2, color="0.7")
    ax.plot(steps, steps**2 / 2, ".-", color="#0072b2", lw=1)
    ax.plot(steps[0], steps[0] ** 2 / 2, "o", color="black")
    ax.set(title=rf"$\eta = {rate:g}\,/\,c$", xlabel="$w$", ylabel="$L(w)$")
    ax.set(xlim=(-2.6, 2.6), ylim=(-0.2, 3.4))
plt.show()
