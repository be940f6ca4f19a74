"""Generators of the pictures that the course ships, one module a domain.

Every picture is made from two numbers, a seed and an index, by
``np.random.default_rng([seed, index])``: any picture can be made alone,
again, and in parallel with the others. Where an index is not enough (a class,
a patient, a scanner), further numbers join the list.

* ``drawing``: what all domains share (noise, distances, light, the lens).
* ``scenes``: the source task, on which the backbones are pretrained.
* ``materials``: a second source task, for breadth.
* ``objects``: a narrow source task, to be compared with.
* ``near``: a target task near the source, other shapes in other colours.
* ``defects``: an industrial target task, surfaces of rolled metal.
* ``histology``: a medical target task, tissue in two stains, three scanners.
"""
