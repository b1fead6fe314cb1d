"""The kinds of layers, and those that follow a hidden layer's weighted sums."""

from skgd.network.layers.activation import ActivationLayer
from skgd.network.layers.batch_norm import BatchNorm
from skgd.network.layers.dense import Dense
from skgd.network.layers.dropout import Dropout

# The kinds that follow the weighted sums of a hidden layer, in this order. Each reads
# the setting of its name, and makes a layer or none.
AFTER_DENSE = [BatchNorm, ActivationLayer, Dropout]

# All kinds, by their names in saved estimators.
KINDS = {kind.kind: kind for kind in [Dense, *AFTER_DENSE]}
