"""The network: its layers, and all that follows from them."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from skgd.kernels.formulas.activations import find_activation
from skgd.kernels.formulas.losses import find_loss
from skgd.kernels.formulas.update import Segments
from skgd.network.layers.dense import Dense
from skgd.network.layers.kinds import AFTER_DENSE, KINDS


@dataclass(frozen=True)
class Network:
    """The layers of a network, and its loss; its parameters are kept elsewhere.

    Parameters
    ----------
    layers : tuple of Layer
    loss : str or `skgd.Loss`
        Its name, or a user's own.
    loss_parameter : float, default=0.0
        The number that some losses have, such as a quantile.
    """

    layers: tuple
    loss: str
    loss_parameter: float = 0.0

    @cached_property
    def _hash(self):
        return hash((self.layers, self.loss, self.loss_parameter))

    def __hash__(self):
        # Plans are found by it, at each prediction.
        return self._hash

    def __reduce__(self):
        # Cached properties are left out: they have functions that cannot be pickled.
        return type(self), (self.layers, self.loss, self.loss_parameter)

    @property
    def formula(self):
        """The record of its loss."""
        return find_loss(self.loss)

    @cached_property
    def layer_units(self):
        """Number of features, of the units of each hidden layer, and of outputs."""
        dense = [layer for layer in self.layers if isinstance(layer, Dense)]
        return np.array([dense[0].fan_in, *(layer.fan_out for layer in dense)])

    @property
    def shapes(self):
        """The names and shapes of the arrays of its parameters."""
        return [(segment.attribute, segment.shape) for _, segment, *_ in self.segments]

    @property
    def n_outputs(self):
        """Number of outputs of the last layer."""
        return self.layers[-1].fan_out

    @cached_property
    def segments(self):
        """The arrays of parameters of all layers, in the order in which theta has them.

        It is a list of tuples: the number of the layer, the `Segment`, and where in
        theta it starts and stops.
        """
        found, start = [], 0
        for number, layer in enumerate(self.layers):
            for segment in layer.segments():
                found.append((number, segment, start, start + segment.size))
                start += segment.size
        return found

    @cached_property
    def draws(self):
        """Whether a layer draws random numbers in training."""
        return any(layer.n_random() for layer in self.layers)

    @cached_property
    def n_barriers(self):
        """How many layers need sums over the whole batch in training."""
        return sum(layer.is_barrier for layer in self.layers)

    @property
    def barrier_kinds(self):
        """The kinds of these layers, which are the names of the parameters for them."""
        return sorted({layer.kind for layer in self.layers if layer.is_barrier})

    def kinds_unlike(self, other):
        """Return the kinds of layers with parameters that differ from those in `other`.

        The kinds are the names of the estimators' parameters for such layers. The kind
        of dense layers is left out.
        """
        mine, theirs = (
            {(i, layer) for i, layer in enumerate(each.layers) if layer.segments()}
            for each in (self, other)
        )
        return sorted({layer.kind for _, layer in mine ^ theirs} - {Dense.kind})

    @cached_property
    def n_sums(self):
        """How many numbers these sums are."""
        return sum(sum(layer.n_sums()) for layer in self.layers)

    @cached_property
    def n_parameters(self):
        """Length of the vector of all parameters."""
        return self.segments[-1][-1]

    @cached_property
    def segment_table(self):
        """The segments as update rules read them."""
        parts = [(segment, start, stop) for _, segment, start, stop in self.segments]
        return Segments(
            np.array([(start, stop) for _, start, stop in parts], np.int64),
            np.array([(each.penalty, each.decay, each.rate) for each, *_ in parts]),
        )

    @cached_property
    def for_prediction(self):
        """The network without the layers that are for training only."""
        layers = [layer for layer in self.layers if not layer.is_for_training]
        return Network(tuple(layers), self.loss, self.loss_parameter)

    def up_to(self, layer):
        """Return the network of the layers before the one of this number."""
        return Network(self.layers[:layer], self.loss, self.loss_parameter)

    @cached_property
    def ends_of_hidden_layers(self):
        """Numbers of the layers that follow the hidden layers' activations."""
        ends = [i for i, layer in enumerate(self.layers) if isinstance(layer, Dense)]
        return ends[1:]

    def pack(self):
        """Return it as plain values."""
        return {
            "layers": [layer.pack() for layer in self.layers],
            "loss": self.loss,
            "loss_parameter": self.loss_parameter,
        }

    @classmethod
    def unpack(cls, packed):
        """Make the network of plain values that `pack` has returned."""
        layers = []
        for values in packed["layers"]:
            kind = KINDS[values["kind"]]
            layers.append(kind(**{k: v for k, v in values.items() if k != "kind"}))
        network = cls(tuple(layers), packed["loss"], float(packed["loss_parameter"]))
        network.check()
        return network

    def check(self):
        """Raise a ValueError if the layers do not make a network.

        Each layer has to take as many inputs as the one before has outputs, and the
        first and the last have to be dense.
        """
        widths = [(layer.fan_in, layer.fan_out) for layer in self.layers]
        are_chained = all(a[1] == b[0] for a, b in pairwise(widths))
        if not (widths and np.min(widths) >= 1 and are_chained):
            raise ValueError(f"Layers of the inputs and outputs {widths} are no chain.")
        if not isinstance(self.layers[0], Dense) or not isinstance(
            self.layers[-1], Dense
        ):
            raise ValueError("The first and the last layer have to be dense.")
        for layer in self.layers:
            layer.check()
        find_loss(self.loss)


def make_network(
    layer_units, loss, loss_parameter=0.0, *, output_like=None, **settings
):
    """Make the network of these widths.

    Parameters
    ----------
    layer_units : sequence of int
        Number of features, of the units of each hidden layer, and of outputs.
    loss : str or `skgd.Loss`
    loss_parameter : float, default=0.0
    output_like : str, default=None
        Name of the activation by whose rule a network without hidden layers draws its
        first weights; None stands for 'relu'.
    **settings : dict of list
        Settings with a value for each hidden layer, from which the kinds in
        `AFTER_DENSE` make their layers, such as 'activation'.

    Returns
    -------
    network : Network
    """
    units = [int(n) for n in layer_units]
    names = list(settings["activation"])
    formulas = [find_activation(name) for name in names]
    layers = []
    for hidden, (fan_in, fan_out) in enumerate(pairwise(units[:-1])):
        bound = formulas[hidden].bound(fan_in, fan_out)
        layers.append(Dense(fan_in, fan_out, bound))
        for kind in AFTER_DENSE:
            layer = kind.of_hidden(fan_out, hidden, settings)
            if layer is not None:
                layers.append(layer)
    fan_in, fan_out = units[-2:]
    last = formulas[-1] if formulas else find_activation(output_like or "relu")
    layers.append(Dense(fan_in, fan_out, last.output_bound(fan_in, fan_out)))
    return Network(tuple(layers), loss, float(loss_parameter))
