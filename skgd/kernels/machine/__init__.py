"""Access to the compiler and the machine: Numba, its cache, BLAS, atomics."""
