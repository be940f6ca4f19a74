"""Generators of the pictures that the course ships, one module a domain.

Every picture is made from two numbers, a seed and an index, by
``np.random.default_rng([seed, index])``: any picture can be made alone,
again, and in parallel with the others.

* ``drawing``: what all domains share (noise, distances, light, the lens).
* ``scenes``: the source task, on which the backbones are pretrained.
* ``defects``: an industrial target task, surfaces of rolled metal.
"""
