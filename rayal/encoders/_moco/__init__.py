"""Momentum contrast: the model, its training, and several processes that train as one."""
