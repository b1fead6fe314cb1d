"""Training and prediction arithmetic, compiled by Numba.

Arrays and numbers in, arrays and numbers out; nothing here knows scikit-learn. Imports
run one way: epoch, predict -> backprop, inputs -> activations, losses, optimizers ->
_jit.
"""
