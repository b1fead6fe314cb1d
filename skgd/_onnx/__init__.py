"""How estimators become ONNX graphs. `skgd.onnx` teaches it to skl2onnx.

`nodes` adds operators to a graph, `networks` what a network is made of, `encoding` the
encoder of a table, and `tables` an average of networks. `outputs` declares what all of
them return.
"""
