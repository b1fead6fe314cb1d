"""What a kind of layer has to say of itself."""

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
        Of the estimator: the list of these arrays, layer by layer.
    shape : tuple of int
    draw : callable
        Returns the first values, given a RandomState and the shape.
    penalty, decay : float
        What `alpha` and `weight_decay` are multiplied by; 0 for none.
    rate : float
        What the learning rate is multiplied by. With 0 the segment is not the
        optimizer's but the layer's own, which a barrier may write where it combines.
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
class Layer:
    """A layer of a network; a kind of layers is a class.

    The fields of a kind are plain values, which are saved under their names. Of its
    functions, `skgd.kernels.passes.plan` says what they are called with.
    """

    # Its name in saved estimators.
    kind: ClassVar[str]
    # Which of the kinds that a pass of one sample has inside.
    code: ClassVar[int] = CALLED
    # Whether its outputs take the place of its inputs.
    in_place: ClassVar[bool] = False
    # Whether predictions leave it out.
    is_for_training: ClassVar[bool] = False
    # Whether in training it needs sums over the whole batch: `functions` and `own` are
    # then the addresses that `skgd.kernels.passes.stages` asks for.
    is_barrier: ClassVar[bool] = False

    # Its arrays, as attributes of the estimators, and their shapes.
    attributes: ClassVar[dict] = {}

    fan_in: int
    fan_out: int

    def check(self):
        """Raise an error if its fields are not those of a layer of its kind."""
        if self.fan_in != self.fan_out:
            raise ValueError(f"A layer of the kind {self.kind!r} keeps the width.")

    def segments(self):
        """Return its parameters, a list of `Segment`, as they follow in theta."""
        return []

    def n_products(self):
        """Multiplications of a forward pass, of one sample."""
        return 0

    def n_kept(self, training):
        """Numbers that it keeps of a sample until the backward pass, or scratch."""
        return 0

    def n_sums(self):
        """Sums that a barrier makes, in the forward and in the backward pass."""
        return 0, 0

    def n_random(self):
        """Numbers that it draws for one sample."""
        return 0

    def number(self):
        """Return the number that its functions are called with."""
        return 0.0

    def own(self, dtype, training):
        """Return what its columns of the plan from OWN on are, three at most."""
        return ()

    def functions(self, dtype, training):
        """Return the addresses of its forward and backward function, 0 for none."""
        raise NotImplementedError

    def first_functions(self, inputs, rows, training):
        """Return those that read the samples where they are; 0 to have them gathered.

        Parameters
        ----------
        inputs : Inputs
        rows : ndarray
            Both for their types.
        training : bool
        """
        return 0, 0

    def to_onnx(self, add, x, arrays):
        """Add its nodes to a graph.

        Parameters
        ----------
        add : `skgd.onnx.Nodes`
        x : str
            Name of its inputs.
        arrays : list of ndarray
            Its parameters.

        Returns
        -------
        str
            Name of its outputs.
        """
        raise NotImplementedError

    def as_factors(self, arrays):
        """Return what predictions multiply each input by, and add to it.

        None where it is more than that. For formats that have no such layer, and into
        whose dense layers it can be multiplied.
        """
        return None

    def pack(self):
        """Return its fields as plain values."""
        saved = [field.name for field in fields(self) if field.compare]
        return {"kind": self.kind, **{name: getattr(self, name) for name in saved}}
