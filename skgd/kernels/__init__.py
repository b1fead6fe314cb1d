"""Training and prediction arithmetic, compiled by Numba.

Arrays and numbers go in, and arrays and numbers come out; nothing here knows
scikit-learn. Imports run one way: `epoch`, `predict` and `shuffle` come first; they
import from `passes` and `team`, these from `formulas`, and all of them from `machine`.
"""
