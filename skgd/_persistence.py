"""How a fitted network is saved: as arrays, numbers and names.

A saved estimator (by pickle, joblib or skops, and in copies) holds no class of skgd but
its own, so that the others may change. `FORM` counts the changes of what is saved.
"""

import zlib
from dataclasses import fields

import numpy as np
from sklearn.utils import check_random_state

from skgd._training import TrainingState
from skgd._version import __version__
from skgd.kernels.activations import Activation
from skgd.kernels.losses import Loss
from skgd.kernels.network import make_network
from skgd.kernels.optimizers import STATE_ROWS, Optimizer

# Raise it when what `pack` makes changes, and add to UPGRADES how to read the former.
FORM = 1
# From a form to a function that makes the attributes of the next form of them.
UPGRADES = {}

# The large part of a training state.
ARRAYS = ("theta", "best_theta", "optimizer_state", "order")


def pack(attributes):
    """Replace the network and the training state among `attributes` by plain data."""
    attributes = {
        **attributes,
        "_skgd_version": __version__,
        "_skgd_form": FORM,
    }
    if "_network" in attributes:
        attributes["_network"] = _pack_network(attributes["_network"])
    if "_state" in attributes:
        attributes["_state"] = _pack_state(attributes["_state"])
    return attributes


def unpack(attributes, name):
    """Do the reverse, for attributes that any version of skgd may have saved.

    Parameters
    ----------
    attributes : dict
    name : str
        Of the estimator's class.

    Raises
    ------
    ValueError
        If they have a form that this version does not know, or do not fit together.
    """
    attributes = dict(attributes)
    version = attributes.pop("_skgd_version", "an unknown version")
    form = attributes.pop("_skgd_form", 0)
    while form in UPGRADES:
        attributes = UPGRADES[form](attributes)
        form += 1
    if form != FORM:
        raise ValueError(
            f"This {name} was saved by skgd {version}, in a form that skgd "
            f"{__version__} does not read. Load it with skgd {version}, or fit it "
            "anew."
        )
    if "_network" in attributes:
        attributes["_network"] = _unpack_network(attributes["_network"])
    if "_state" in attributes:
        attributes["_state"] = _unpack_state(attributes["_state"], name)
        _check(attributes, name)
    return attributes


def _pack_network(network):
    return {
        "layer_units": network.layer_units,
        "activations": [Activation(code).name.lower() for code in network.activations],
        "loss": Loss(network.loss).name.lower(),
        "loss_parameter": network.loss_parameter,
        "dropout": network.dropout,
    }


def _unpack_network(packed):
    return make_network(
        packed["layer_units"],
        [Activation[name.upper()] for name in packed["activations"]],
        Loss[packed["loss"].upper()],
        packed["loss_parameter"],
        packed["dropout"],
    )


def _pack_state(state):
    packed = {field.name: getattr(state, field.name) for field in fields(state)}
    packed["optimizer"] = state.optimizer.name.lower()
    if state.seed is None:
        packed["random_state"] = None  # NumPy's global one, wherever it is loaded
    return {**packed, "checksum": _checksum(packed)}


def _checksum(packed):
    """Of the arrays, in which a changed byte would show nowhere else."""
    arrays = (packed[name] for name in ARRAYS if packed[name] is not None)
    checksum = 0
    for array in arrays:
        checksum = zlib.crc32(np.ascontiguousarray(array), checksum)
    return checksum


def _unpack_state(packed, name):
    packed = dict(packed)
    checksum = packed.pop("checksum")
    if checksum != _checksum(packed):
        raise ValueError(f"The saved {name} is damaged: its checksum is not right.")
    state = TrainingState(**packed)
    state.optimizer = Optimizer[state.optimizer.upper()]
    if state.random_state is None:
        state.random_state = check_random_state(None)
    for field in ARRAYS:
        array = getattr(state, field)
        if array is not None and not array.flags.writeable:
            # A memory map, for which kernels would be compiled once more.
            setattr(state, field, np.array(array))
    return state


def _are_rows(numbers, n_samples):
    is_integer = np.issubdtype(numbers.dtype, np.integer)
    return is_integer and ((numbers >= 0) & (numbers < n_samples)).all()


def _check(attributes, name):
    """Raise if the kernels, which check no bounds, would leave the arrays."""
    network, state = attributes["_network"], attributes["_state"]
    size, units = network.offsets[-1], network.layer_units
    best, held_out = state.best_theta, state.held_out
    memory = STATE_ROWS[state.optimizer], size
    fits = (
        units.ndim == 1
        and units.size >= 2
        and (units >= 1).all()
        and network.activations.shape == network.dropout.shape == (units.size - 2,)
        and state.theta.dtype in (np.float32, np.float64)
        and state.theta.shape == (size,)
        and state.theta.flags.c_contiguous
        and (best is None or (best.shape, best.dtype) == ((size,), state.theta.dtype))
        and state.optimizer_state.shape == memory
        and state.optimizer_state.dtype == state.theta.dtype
        and (held_out is None or _are_rows(held_out, state.n_split_samples))
        and attributes.get("n_features_in_") == units[0]
    )
    if not fits:
        raise ValueError(
            f"The saved {name} is damaged: its parameters are not those of a network "
            f"of the layers {units.tolist()}."
        )
