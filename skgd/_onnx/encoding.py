"""The encoder of a table as nodes: from inputs of a graph to what members take."""

from itertools import groupby
from typing import NamedTuple

import numpy as np
from onnx import TensorProto
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int8TensorType,
    Int16TensorType,
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
    UInt8TensorType,
    UInt16TensorType,
    UInt32TensorType,
)

from skgd.tabular.frames import level_of

REALS = (FloatTensorType, DoubleTensorType)
INTEGERS = (
    *(Int8TensorType, Int16TensorType, Int32TensorType, Int64TensorType),
    *(UInt8TensorType, UInt16TensorType, UInt32TensorType),
)
NUMBERS = (BooleanTensorType, *INTEGERS, *REALS)


class Column(NamedTuple):
    """A column of the table: which input has it, and where."""

    name: object
    input: object  # a Variable of skl2onnx
    place: int
    is_alone: bool  # whether the input has no other column


class Levels(NamedTuple):
    """How a category is encoded."""

    places: dict  # from levels, which are strings or None, to columns of the matrix
    of_others: int  # the column of levels that are not known, or -1
    n_columns: int


# What is read of the encoder ----------------------------------------------------------


def _names(encoder):
    names = getattr(encoder, "feature_names_in_", range(encoder.n_features_in_))
    return list(names)


def _levels(encoder):
    """Return the levels of each column that is a category, as a list."""
    if not encoder.is_category_.any():
        return []
    one_hot, found = encoder.levels_, []
    pairs = zip(one_hot.categories_, one_hot.infrequent_categories_, strict=True)
    for levels, rare in pairs:
        rare = set() if rare is None else set(rare.tolist())
        frequent = [level for level in levels.tolist() if level not in rare]
        # Rare levels share the last column.
        n, shared = len(frequent), dict.fromkeys(rare, len(frequent))
        places = {level: place for place, level in enumerate(frequent)} | shared
        found.append(Levels(places, n if rare else -1, n + bool(rare)))
    return found


# Inputs -------------------------------------------------------------------------------


def columns_of(encoder, inputs):
    """Return where each column of the table is among the inputs.

    Parameters
    ----------
    encoder : fitted TableEncoder
    inputs : list of Variable of skl2onnx
        Side by side they are the table.

    Returns
    -------
    columns : list of Column

    Raises
    ------
    ValueError
        If they are too few, too many, or in another order than in `fit`, or if a level
        cannot be of an input's type.
    TypeError
        If columns of numbers come as strings, or an input is of a type that no table
        has.
    """
    names, inputs = _names(encoder), list(inputs)
    _check_order(inputs, names)
    pairs = zip(inputs, _widths(inputs, len(names)), strict=True)
    places = [(v, place, width == 1) for v, width in pairs for place in range(width)]
    columns = [Column(n, *place) for n, place in zip(names, places, strict=True)]
    for column, is_category in zip(columns, encoder.is_category_, strict=True):
        _check_type(column, is_category)
    of_categories = _chosen(columns, encoder.is_category_)
    for column, levels in zip(of_categories, _levels(encoder), strict=True):
        if not isinstance(column.input.type, StringTensorType):
            _levels_as_numbers(column, levels)
    return columns


def _check_order(inputs, names):
    """Refuse inputs that are named as the columns, in another order."""
    given, names = [variable.raw_name for variable in inputs], list(map(str, names))
    if given != names and sorted(given) == sorted(names):
        raise ValueError(
            f"The inputs are in another order than the columns in fit: {given}. Give "
            f"them in the order {names}."
        )


def _widths(inputs, n_columns):
    """Return how many columns each input has; together they have `n_columns`."""
    widths = [_width(variable) for variable in inputs]
    if widths == [None]:
        return [n_columns]
    if None in widths or sum(widths) != n_columns:
        given = ", ".join(
            f"{variable.raw_name!r} with {'?' if width is None else width}"
            for variable, width in zip(inputs, widths, strict=True)
        )
        raise ValueError(
            f"The table had {n_columns} columns in fit, and the inputs do not have as "
            f"many: {given}. Declare an input of shape [None, 1] for each column, or "
            f"one of shape [None, {n_columns}]."
        )
    return widths


def _width(variable):
    """Return the number of columns that an input has, or None if it is not told."""
    shape = variable.type.shape
    is_known = len(shape) == 2 and isinstance(shape[1], int)
    return shape[1] if is_known else None


def _chosen(columns, mask):
    return [column for column, is_one in zip(columns, mask, strict=True) if is_one]


def _check_type(column, is_category):
    kind, found = column.input.type, f"Input {column.input.raw_name!r} is of "
    if isinstance(kind, StringTensorType) and not is_category:
        raise TypeError(
            f"{found}strings, and column {column.name!r} of the table was one of "
            "numbers in fit. Declare it as DoubleTensorType or another type of "
            "numbers, or fit it as a category, by categorical_features."
        )
    if not isinstance(kind, (StringTensorType, *NUMBERS)):
        allowed = ", ".join(each.__name__ for each in (StringTensorType, *NUMBERS))
        raise TypeError(f"{found}{type(kind).__name__}. A table may have: {allowed}.")


# Nodes --------------------------------------------------------------------------------


def encode(add, encoder, inputs):
    """Add the encoding of a table; return the name of the matrix that members take.

    Parameters
    ----------
    add : Nodes
        In float64.
    encoder : fitted TableEncoder
    inputs : list of Variable of skl2onnx

    Returns
    -------
    str
        Name of float32 numbers, of shape (n_samples, n_columns).
    """
    single, columns = add.in_dtype(np.float32), columns_of(encoder, inputs)
    of_numbers = _chosen(columns, ~encoder.is_category_)
    of_categories = _chosen(columns, encoder.is_category_)
    if encoder.is_sparse_:
        return single.cast(_side_by_side(add, of_numbers))
    parts = []
    if of_numbers:
        parts += _numbers(add, encoder, _side_by_side(add, of_numbers))
    for column, levels in zip(of_categories, _levels(encoder), strict=True):
        is_text = isinstance(column.input.type, StringTensorType)
        place = (_place_of_text if is_text else _place_of_number)(add, column, levels)
        # A place of -1 is equal to none.
        parts.append(add("Equal", place, np.arange(levels.n_columns)))
    return add("Concat", *map(single.cast, parts), axis=1)


def _side_by_side(add, columns):
    """Add the columns as one matrix in float64; return its name."""
    parts = []
    for _, group in groupby(columns, lambda column: column.input.full_name):
        parts.append(add.cast(_taken(add, list(group))))
    return add("Concat", *parts, axis=1)


def _taken(add, columns):
    """Return the name of columns of one input, in its type."""
    x = columns[0].input.full_name
    if columns[0].is_alone:
        return x
    return add("Gather", x, [column.place for column in columns], axis=1)


def _numbers(add, encoder, x):
    """Add imputation, indicators and scaling, as the encoder has them.

    They are in float64, since in float32 large numbers of a small spread are equal.
    """
    imputer, scaler = encoder.imputer_, encoder.scaler_
    is_missing = add("IsNaN", x)
    x = add("Where", is_missing, imputer.statistics_, x)
    z = add("Div", add("Sub", x, scaler.center_), scaler.scale_)
    ratio = add("Div", z, float(scaler.bound))
    norm = add("Sqrt", add("Add", add("Mul", ratio, ratio), 1.0))
    parts = [add("Div", z, norm)]
    if imputer.indicator_.features_.size:
        parts.append(add("Gather", is_missing, imputer.indicator_.features_, axis=1))
    return parts


def _place_of_text(add, column, levels):
    """Add the place of each string's level; return the name."""
    keys = {level: at for level, at in levels.places.items() if level is not None}
    if None in levels.places:  # ONNX has no missing strings
        keys.setdefault("", levels.places[None])
    return add(
        "LabelEncoder",
        _taken(add, [column]),
        op_domain="ai.onnx.ml",
        op_version=2,
        keys_strings=list(keys),
        values_int64s=list(keys.values()),
        default_int64=levels.of_others,
    )


def _place_of_number(add, column, levels):
    """Add the place of each number's level; return the name."""
    x, known = _taken(add, [column]), _levels_as_numbers(column, levels)
    is_real = isinstance(column.input.type, REALS)
    keys = np.array(list(known), np.float64 if is_real else np.int64)
    places = np.array(list(known.values()), np.float64)
    x = add.cast(x) if is_real else add("Cast", x, to=TensorProto.INT64)
    hits = [add("Equal", x, keys)] if known else []
    if is_real and None in levels.places:
        hits.append(add("IsNaN", x))
        places = np.append(places, levels.places[None])
    hits = add("Concat", *map(add.cast, hits), axis=1)
    # At most one level is hit, and leads from the place of the others to its own.
    steps = add("MatMul", hits, (places - levels.of_others)[:, np.newaxis])
    place = add("Add", steps, float(levels.of_others))
    return add("Cast", place, to=TensorProto.INT64)


def _levels_as_numbers(column, levels):
    """Return from which number of the input's type each place follows."""
    kind, known = column.input.type, {}
    for level, place in levels.places.items():
        number = None if level is None else _number(level, kind)
        if number is not None:
            known[number] = place
    is_only_missing = set(levels.places) == {None} and isinstance(kind, REALS)
    if not known and not is_only_missing:
        some = ", ".join(repr(level) for level in list(levels.places)[:3])
        raise ValueError(
            f"Input {column.input.raw_name!r} is of {type(kind).__name__}, and none of "
            f"the levels that column {column.name!r} had in fit is of this type. They "
            f"are {some}{', ...' if len(levels.places) > 3 else ''}. Declare it as "
            "StringTensorType, or as the type of these levels."
        )
    return known


def _number(level, kind):
    """Return the number, of a type of input, that has this level, or None."""
    if isinstance(kind, BooleanTensorType):
        return {"False": 0, "True": 1}.get(level)
    is_real = isinstance(kind, REALS)
    try:
        number = float(level) if is_real else int(level)
    except ValueError:
        return None
    is_in_range = is_real or -(2**63) <= number < 2**63
    return number if is_in_range and level_of(number) == level else None
