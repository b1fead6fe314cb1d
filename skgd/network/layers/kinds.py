"""Which kinds of layers there are, and which of them make a hidden layer."""

from skgd.network.layers.activation import ActivationLayer
from skgd.network.layers.batch_norm import BatchNorm
from skgd.network.layers.dense import Dense
from skgd.network.layers.dropout import Dropout

# What follows the weighted sums of a hidden layer, in this order. Each kind reads the
# setting of its name, and makes a layer of it or nothing.
AFTER_DENSE = [BatchNorm, ActivationLayer, Dropout]

# By the names in saved estimators.
KINDS = {kind.kind: kind for kind in [Dense, *AFTER_DENSE]}
