"""The kinds of layers, a file each; `skgd.network.layers.kinds` lists them."""
