"""How estimators become ONNX graphs. `skgd.onnx` teaches it to skl2onnx.

`nodes` adds operators to a graph, and `networks` what a network is made of. `outputs`
declares what estimators return.
"""
