"""Tools for maintainers: notebooks, data, pretraining, runs."""
