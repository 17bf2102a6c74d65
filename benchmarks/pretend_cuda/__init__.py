"""A CUDA device that computes nothing, on a CPU build of PyTorch, to count what a real one does.

In a process of its own, before anything imports torch: `loading.load()`. Then whatever runs inside
`with counting.PretendCuda() as counts:` finds a GPU.
"""
