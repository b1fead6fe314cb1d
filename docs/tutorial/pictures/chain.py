"""The smallest network as a chain: values forward, derivatives backward."""

import matplotlib.pyplot as plt
import numpy as np

x, y = 1.0, 1.0
w_1, b_1, w_2, b_2 = 0.5, 0.0, 2.0, -0.5
z = w_1 * x + b_1
a = np.tanh(z)
output = w_2 * a + b_2
loss = 0.5 * (output - y) ** 2
d_output = output - y
d_a = d_output * w_2
d_z = d_a * (1 - a**2)

nodes = [
    ("$x$", x, None),
    ("$z^{(1)}$", z, d_z),
    ("$a$", a, d_a),
    (r"$\hat y$", output, d_output),
    (r"$\ell$", loss, 1.0),
]
forward = [r"$w_1 x + b_1$", r"$\tanh$", r"$w_2 a + b_2$", r"$(\hat y - y)^2 / 2$"]
backward = [None, r"$\cdot\,(1 - a^2)$", r"$\cdot\,w_2$", r"$\cdot\,(\hat y - y)$"]

fig, ax = plt.subplots(figsize=(7, 2.4), layout="constrained")
for place, (symbol, value, derivative) in enumerate(nodes):
    ax.scatter(2 * place, 0, s=1100, color="white", edgecolor="0.3", lw=1.5, zorder=3)
    ax.text(2 * place, 0, symbol, ha="center", va="center", size=13, zorder=4)
    ax.text(2 * place, 0.62, f"{value:.3f}", ha="center", color="tab:blue")
    if derivative is not None:
        text = f"{derivative:.3f}"
        ax.text(2 * place, -0.78, text, ha="center", color="tab:red")

arrow = {"arrowstyle": "-|>", "mutation_scale": 14, "shrinkA": 18, "shrinkB": 18}
for place in range(4):
    left, right, middle = 2 * place, 2 * place + 2, 2 * place + 1
    style = {**arrow, "color": "tab:blue"}
    ax.annotate("", (right, 0.14), (left, 0.14), arrowprops=style)
    ax.text(middle, 0.3, forward[place], ha="center", size=9, color="tab:blue")
    if backward[place] is not None:
        style = {**arrow, "color": "tab:red"}
        ax.annotate("", (left, -0.14), (right, -0.14), arrowprops=style)
        ax.text(middle, -0.46, backward[place], ha="center", size=9, color="tab:red")

ax.text(-0.9, -0.78, r"$\partial\ell/\partial$", ha="center", color="tab:red", size=11)
ax.set(xlim=(-1.4, 8.6), ylim=(-1.0, 0.95))
ax.axis("off")
plt.show()
