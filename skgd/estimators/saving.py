"""How a fitted network is saved: as arrays, numbers and names.

A saved estimator (by pickle, joblib or skops, and in copies) refers to no class of skgd
except its own, so that all other classes may change. (A user's `Activation` or `Loss`
is saved as it is.) `FORM` counts the changes of what is saved.
"""

import zlib
from dataclasses import fields
from numbers import Number

import numpy as np
from sklearn.utils import check_random_state

from skgd._version import __version__
from skgd.descent.state import ARRAYS, HISTORIES, TrainingState
from skgd.kernels.formulas.optimizers import OPTIMIZERS
from skgd.network.network import Network, make_network

# When the result of `pack` changes, count FORM up, and add to UPGRADES how to read the
# former form.
FORM = 4


# The names of the training state's arrays up to form 3.
FORMER_ARRAYS = ("theta", "best_theta", "optimizer_state", "order")


def _from_form_1(attributes):
    """Upgrade form 1, whose checksum was that of three arrays, and kept beside them."""
    if "_state" not in attributes:
        return {**attributes, "_skgd_checksum": _checksum(attributes, FORMER_ARRAYS)}
    state = {**attributes["_state"]}
    of = (state[name] for name in ("theta", "best_theta", "optimizer_state"))
    is_whole = state.pop("checksum") == _crc(
        [array for array in of if array is not None]
    )
    attributes = {**attributes, "_state": state}
    checksum = _checksum(attributes, FORMER_ARRAYS) if is_whole else None
    return {**attributes, "_skgd_checksum": checksum}


# Attributes that form 2 saved although they follow from the network and the state.
_DERIVED = (
    *("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "t_", "loss_"),
    *("loss_curve_", "learning_rate_curve_", "best_loss_", "best_validation_score_"),
    *("validation_loss_curve_", "validation_scores_"),
)


def _from_form_2(attributes):
    """Upgrade form 2, which saved attributes twice, and had no mean weight."""
    attributes = {**attributes}
    if "_state" in attributes:
        watched_score = attributes["best_loss_"] is None
        attributes["_state"] = {**attributes["_state"], "early_stopping": watched_score}
    for name in _DERIVED:
        attributes.pop(name, None)
    return attributes


def _from_form_3(attributes):
    """Upgrade form 3, whose networks had no layers, only widths and their settings.

    The optimizer's memory also had another name.
    """
    checksum = _checksum(attributes, FORMER_ARRAYS)
    is_whole = attributes.get("_skgd_checksum") == checksum
    attributes = {**attributes}
    if "_network" in attributes:
        attributes["_network"] = _layers_of_form_3(**attributes["_network"])
    if "_state" in attributes:
        state = {**attributes["_state"]}
        state["memory"] = state.pop("optimizer_state")
        attributes["_state"] = state
    return {**attributes, "_skgd_checksum": _checksum(attributes) if is_whole else None}


def _layers_of_form_3(layer_units, activations, loss, loss_parameter, dropout):
    settings = {"activation": activations, "dropout": dropout}
    return make_network(layer_units, loss, loss_parameter, **settings).pack()


# For each former form, the function that turns its attributes into the next form's.
UPGRADES = {1: _from_form_1, 2: _from_form_2, 3: _from_form_3}

# Attributes that predictions depend on, besides the weights.
LEARNED = ("_network", "classes_", "feature_names_in_", "n_features_in_")


def pack(attributes):
    """Replace the network and the training state among `attributes` by plain data."""
    attributes = {
        **attributes,
        "_skgd_version": __version__,
        "_skgd_form": FORM,
    }
    if "_network" in attributes:
        attributes["_network"] = attributes["_network"].pack()
    if "_state" in attributes:
        attributes["_state"] = _pack_state(attributes["_state"])
    return {**attributes, "_skgd_checksum": _checksum(attributes)}


def unpack(attributes, name):
    """Do the reverse of `pack`, for attributes that any version of skgd has saved.

    Parameters
    ----------
    attributes : dict
    name : str
        Name of the estimator's class, for messages.

    Returns
    -------
    attributes : dict

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
    if attributes.pop("_skgd_checksum", None) != _checksum(attributes):
        raise ValueError(f"The saved {name} is damaged: its checksum is not right.")
    if "_network" in attributes:
        attributes["_network"] = _unpack_network(attributes["_network"], name)
    if "_state" in attributes:
        attributes["_state"] = _unpack_state(attributes["_state"])
        _check(attributes, name)
    return attributes


def _unpack_network(packed, name):
    try:
        return Network.unpack(packed)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The saved {name} is damaged: its layers are not those of a network, but "
            f"{packed.get('layers')}."
        ) from error


def _pack_state(state):
    packed = {field.name: getattr(state, field.name) for field in fields(state)}
    if state.seed is None:
        packed["random_state"] = None  # the global generator of whoever loads it
    return packed


def _checksum(attributes, arrays=ARRAYS):
    """Return the CRC-32 of all that predictions and training depend on.

    Without it, a changed byte would go unnoticed.
    """
    state = attributes.get("_state", {})
    learned = [attributes[name] for name in LEARNED if name in attributes]
    return _crc([state.get(name) for name in arrays] + learned)


def _crc(value, number=0):
    """Return the CRC-32 of arrays, plain values, and lists and dicts of them."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for each in value:
            number = _crc(each, number)
        return number
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        value = np.ascontiguousarray(value)
        return zlib.crc32(value.view(np.uint8), number) if value.size else number
    if isinstance(value, np.ndarray):
        value = value.tolist()
    elif isinstance(value, Number):
        value = float(value)  # its type may have changed while it was saved
    return zlib.crc32(repr(value).encode(), number)


def _unpack_state(packed):
    # A shallow copy has histories of its own. It may share the arrays, as further calls
    # train copies of them.
    state = TrainingState(**packed | {name: list(packed[name]) for name in HISTORIES})
    if state.random_state is None:
        state.random_state = check_random_state(None)
    for field in ARRAYS:
        array = getattr(state, field)
        if array is not None and not array.flags.writeable:
            # It is a memory map. Kernels would be compiled once more for its type.
            setattr(state, field, np.array(array))
    return state


def _are_rows(numbers, n_samples):
    is_integer = np.issubdtype(numbers.dtype, np.integer)
    return is_integer and ((numbers >= 0) & (numbers < n_samples)).all()


def _check(attributes, name):
    """Raise if an array has a wrong shape or dtype, as kernels check no bounds."""
    network, state = attributes["_network"], attributes["_state"]
    size, dtype = network.n_parameters, state.theta.dtype
    best, held_out = state.best_theta, state.held_out
    n_rows = len(OPTIMIZERS[state.optimizer].memory)
    fits = (
        dtype in (np.float32, np.float64)
        and state.theta.shape == (size,)
        and state.theta.flags.c_contiguous
        and (best is None or (best.shape, best.dtype) == ((size,), dtype))
        and (state.memory.shape, state.memory.dtype) == ((n_rows, size), dtype)
        and (held_out is None or _are_rows(held_out, state.n_split_samples))
        and attributes.get("n_features_in_") == network.layer_units[0]
    )
    if not fits:
        raise ValueError(
            f"The saved {name} is damaged: its parameters are not those of a network "
            f"of the layers {network.layer_units.tolist()}."
        )
