"""How a fitted estimator of tables is saved: networks, and plain data besides.

A saved estimator refers to no class of skgd but the public ones, so that the classes
of its parts may change. `FORM` counts the changes of what is saved. A network has a
form of its own, that of `skgd.estimators.saving`.
"""

from skgd._version import __version__
from skgd.tabular.columns import SmoothClipScaler, TableEncoder
from skgd.tabular.members import Member

# When the result of `pack` changes, count FORM up, and have `unpack` read the former
# form too. Form 1, which has no number, had the parts themselves.
FORM = 2


def pack(attributes):
    """Replace the encoder and the members among `attributes` by plain data."""
    attributes = {**attributes, "_skgd_version": __version__, "_skgd_form": FORM}
    if "members_" in attributes:
        attributes["members_"] = [m._asdict() for m in attributes["members_"]]
        encoder = attributes["encoder_"].__getstate__()
        scaler = encoder["scaler_"].__getstate__()
        attributes["encoder_"] = {**encoder, "scaler_": scaler}
    return attributes


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
        If they have a form that this version does not know.
    """
    attributes = dict(attributes)
    version = attributes.pop("_skgd_version", "an unknown version")
    form = attributes.pop("_skgd_form", 1)
    if form not in (1, FORM):
        raise ValueError(
            f"This {name} was saved by skgd {version}, in a form that skgd "
            f"{__version__} does not read. Load it with skgd {version}, or fit it "
            "anew."
        )
    if form == FORM and "members_" in attributes:
        attributes["members_"] = [Member(**m) for m in attributes["members_"]]
        encoder = {**attributes["encoder_"]}
        encoder["scaler_"] = _with(SmoothClipScaler, encoder["scaler_"])
        attributes["encoder_"] = _with(TableEncoder, encoder)
    return attributes


def _with(kind, attributes):
    part = kind()
    part.__setstate__(attributes)
    return part
