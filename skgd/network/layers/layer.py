"""The base class of all kinds of layers, and the arrays of their parameters."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from math import prod
from typing import ClassVar, NamedTuple

from skgd.kernels.passes.plan import CALLED


class Segment(NamedTuple):
    """An array of a layer's parameters.

    Attributes
    ----------
    attribute : str
        The estimators' attribute that lists these arrays layer by layer, as 'coefs_'.
    shape : tuple of int
    draw : callable
        Returns the first values, given a RandomState and the shape.
    penalty, decay : float
        What `alpha` and `weight_decay` are multiplied by for these parameters.
    rate : float
        What the learning rate is multiplied by. If it is 0, the optimizer leaves the
        segment alone: it is the layer's own, which a barrier may write when it combines
        sums.
    """

    attribute: str
    shape: tuple
    draw: Callable
    penalty: float = 0.0
    decay: float = 0.0
    rate: float = 1.0

    @property
    def size(self):
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True)
class Layer(ABC):
    """A layer of a network; each kind of layer is a subclass.

    The fields of a kind are plain values, which are saved under their names.
    `skgd.kernels.passes.plan` says what a layer's functions are called with.

    Parameters
    ----------
    fan_in, fan_out : int
        Number of its inputs, and of its outputs.
    """

    # The kind's name in saved estimators.
    kind: ClassVar[str]
    # CALLED, unless a pass of one sample contains the code of this kind.
    code: ClassVar[int] = CALLED
    # Whether its outputs take the place of its inputs.
    in_place: ClassVar[bool] = False
    # Whether predictions leave it out.
    is_for_training: ClassVar[bool] = False
    # Whether in training it needs sums over the whole batch. If so, `functions` and
    # `own` return the addresses that `skgd.kernels.passes.stages` describes.
    is_barrier: ClassVar[bool] = False

    # The estimators' attributes that list its arrays, and the shapes of the arrays.
    attributes: ClassVar[dict] = {}

    fan_in: int
    fan_out: int

    def check(self):
        """Raise a ValueError if its fields do not make a layer of its kind."""
        if self.fan_in != self.fan_out:
            raise ValueError(f"A layer of the kind {self.kind!r} keeps the width.")

    @classmethod
    def of_hidden(cls, n_units, hidden, settings):
        """Return the layer that a hidden layer has of this kind, or None.

        Parameters
        ----------
        n_units : int
            Number of units of the hidden layer.
        hidden : int
            Number of the hidden layer, from 0 on.
        settings : dict of list
            The values for each hidden layer, by the names of parameters. Parameters
            that are not given may be missing.
        """
        return None

    def segments(self):
        """Return the list of its `Segment`, in the order in which theta has them."""
        return []

    def n_products(self):
        """Return the number of multiplications in a forward pass of one sample."""
        return 0

    def n_kept(self, training):
        """Return how many numbers of memory it needs for each sample.

        In training they are kept until the backward pass.
        """
        return 0

    def n_sums(self):
        """Return how many sums a barrier makes in the forward and the backward pass."""
        return 0, 0

    def n_random(self):
        """Return the length of the memory for what it draws for one sample."""
        return 0

    def number(self):
        """Return the number that its functions are called with."""
        return 0.0

    def own(self, dtype, training):
        """Return the numbers for its columns of the plan from OWN on, three at most."""
        return ()

    @abstractmethod
    def functions(self, dtype, training):
        """Return the addresses of its forward and its backward function.

        The second may be 0 if it is not for training.
        """

    def first_functions(self, inputs, rows, training):
        """Return the addresses of functions of a first layer that reads samples itself.

        Both are 0 if the samples are to be copied into a block, for `functions` to
        read.

        Parameters
        ----------
        inputs : Inputs
        rows : ndarray
            Only the types of both count, and whether there is a CSR matrix.
        training : bool
        """
        return 0, 0

    def to_onnx(self, add, x, arrays):
        """Add its nodes to a graph.

        Parameters
        ----------
        add : `skgd._onnx.nodes.Nodes`
        x : str
            Name of its inputs.
        arrays : list of ndarray
            Its parameters.

        Returns
        -------
        str
            Name of its outputs.
        """
        raise ValueError(f"A layer of {self.kind} cannot be converted to ONNX.")

    def as_factors(self, arrays):
        """Return what predictions multiply each input by, and what they add to it.

        It is for formats that have no such layer: factors and offsets can be multiplied
        into the dense layer before it. None if its predictions are not of this form.

        Parameters
        ----------
        arrays : list of ndarray
            Its parameters.

        Returns
        -------
        factors, offsets : ndarray of shape (fan_in,)
        """
        return None

    def pack(self):
        """Return its fields as plain values."""
        saved = [field.name for field in fields(self) if field.compare]
        return {"kind": self.kind, **{name: getattr(self, name) for name in saved}}
