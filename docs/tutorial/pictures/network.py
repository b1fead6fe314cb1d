"""A network of three inputs, four hidden units and two outputs."""

import matplotlib.pyplot as plt

SIZES = [3, 4, 2]
SYMBOLS = ["x", "a^{(1)}", r"\hat y"]
COLORS = ["tab:gray", "tab:blue", "tab:orange"]
SPACING = 3.0


def heights(n_units):
    """Centre a column of units at 0, the first one on top."""
    return [(n_units - 1) / 2 - unit for unit in range(n_units)]


fig, ax = plt.subplots(figsize=(4.5, 2.8), layout="constrained")
for layer in range(2):
    for low in heights(SIZES[layer]):
        for high in heights(SIZES[layer + 1]):
            xs = layer * SPACING, (layer + 1) * SPACING
            ax.plot(xs, (low, high), color="0.7", lw=1, zorder=1)

for layer, (n_units, symbol, color) in enumerate(
    zip(SIZES, SYMBOLS, COLORS, strict=True)
):
    for unit, height in enumerate(heights(n_units), 1):
        x = layer * SPACING
        ax.scatter(x, height, s=560, color="white", edgecolor=color, lw=2, zorder=2)
        ax.text(x, height, f"${symbol}_{unit}$", ha="center", va="center", zorder=3)
    if layer > 0:
        middle = (layer - 0.5) * SPACING
        matrix, intercepts = f"$W^{{({layer})}}$", f"$b^{{({layer})}}$"
        ax.text(middle, 1.75, f"{matrix}, {intercepts}", ha="center")
    ax.text(layer * SPACING, -2.15, f"$l = {layer}$", ha="center")

ax.set(xlim=(-0.7, 2 * SPACING + 0.7), ylim=(-2.4, 2.1))
ax.axis("off")
plt.show()
