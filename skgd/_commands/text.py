"""What the commands tell, as users read it."""


def amount(sizes):
    """Return how many kernels of these sizes there are, and how large all are."""
    kernels = "kernel" if len(sizes) == 1 else "kernels"
    return f"{len(sizes)} {kernels}, {sum(sizes) / 1e6:.1f} MB"


def names_of(features):
    """Return the features that a CPU has; LLVM's list also says which it has not."""
    return [each[1:] for each in features.split(",") if each.startswith("+")]
