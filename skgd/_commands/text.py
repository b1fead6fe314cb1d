"""Numbers as users read them."""


def amount(sizes):
    """Return how many kernels of these sizes there are, and how large all are."""
    kernels = "kernel" if len(sizes) == 1 else "kernels"
    return f"{len(sizes)} {kernels}, {sum(sizes) / 1e6:.1f} MB"
