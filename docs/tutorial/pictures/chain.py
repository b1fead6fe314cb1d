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
d_w_1 = d_z * x

nodes = [
    ("$w_1$", w_1, d_w_1),
    ("$z$", z, d_z),
    ("$a$", a, d_a),
    (r"$\hat y$", output, d_output),
    (r"$\ell$", loss, 1.0),
]
forward = [r"$w_1 x + b_1$", r"$\tanh$", r"$w_2 a + b_2$", r"$(\hat y - y)^2 / 2$"]
backward = [r"$\cdot x$", r"$\cdot (1 - a^2)$", r"$\cdot w_2$", r"$\cdot (\hat y - y)$"]

fig, ax = plt.subplots(figsize=(4.5, 2), layout="constrained")
centred = {"ha": "center", "va": "center"}
for place, (symbol, value, derivative) in enumerate(nodes):
    ax.scatter(place, 0, s=600, color="white", edgecolor="0.3", lw=1.2, zorder=3)
    ax.text(place, 0, symbol, size=12, zorder=4, **centred)
    ax.text(place, 1.0, f"{value:.3f}", color="tab:blue", **centred)
    text = f"{derivative:.3f}".replace("-", "\N{MINUS SIGN}")
    ax.text(place, -1.0, text, color="tab:red", **centred)

arrow = {"arrowstyle": "-|>", "mutation_scale": 12, "shrinkA": 14, "shrinkB": 14}
for place in range(4):
    left, middle, right = place, place + 0.5, place + 1
    for text, color, side, start, end in [
        (forward[place], "tab:blue", 1, left, right),
        (backward[place], "tab:red", -1, right, left),
    ]:
        height = 0.12 * side
        style = {**arrow, "color": color}
        ax.annotate("", (end, height), (start, height), arrowprops=style)
        ax.text(middle, 0.55 * side, text, color=color, **centred)

ax.text(-0.55, -1.0, r"$\partial\ell/\partial$", color="tab:red", **centred)
ax.set(xlim=(-0.75, 4.4), ylim=(-1.2, 1.2))
ax.axis("off")
plt.show()
