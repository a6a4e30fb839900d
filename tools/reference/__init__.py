"""The seven graphs in PyTorch, written from their published sources. limn is compared with them.

One module per graph, each with

    forward(p, inputs.., record)    the forward pass with published tensors, NCHW, in float32 or float64
    fill(make, ..)                  random tensors with the published names and shapes, at any width
    random_weights(seed, ..)        the same, with batch norms fitted to their inputs

Values to compare are passed to `record(name, value)` under the names of the C engine's nodes (`limn inspect` lists
them; see engine/graph/graph_conv.c and graph_ops.c). A value is named after its convolution or batch norm, with a
suffix for each further operation. Where the engine fuses several operations, only the last value exists. A vae has two
graphs: `encode` and `random_colour_encoder` belong to the second.

golden.py writes the references in tests/goldens of the graphs; golden_colour.py, golden_pixels.py and
golden_resample.py write those of colours, `limn pixels` and resampling.
"""
