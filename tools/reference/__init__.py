"""The seven graphs as PyTorch computes them, written from their published sources: what limn is held against.

One module a graph, each with

    forward(p, inputs.., record)    the forward pass over published tensors, NCHW, in float32 or float64
    fill(make, ..)                  random tensors of the published names and shapes, at any width
    random_weights(seed, ..)        the same, with batch norms that fit what reaches them

Values worth comparing go through `record(name, value)` under the names of the C engine's nodes (`limn inspect` lists
them; engine/graph/graph_conv.c and graph_ops.c say how they come about): a value is named after its convolution or batch
norm, with a suffix for each further operation; where the engine fuses several operations into one, only the last one's
value exists. A vae has two graphs: `encode` and `random_colour_encoder` are the second.
"""
