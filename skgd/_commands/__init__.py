"""The commands of ``python -m skgd``, a file each: `add_options` and `run`."""
