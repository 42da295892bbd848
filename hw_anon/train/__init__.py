"""Algorithm 1 of the paper: the game between modifier, classifiers and action detector, resumable and distributed.

Everything random in a step is drawn from the pair (seed, step), on the CPU, for the whole batch: a run that was
interrupted goes on as if it had not been, and a process of several draws what the others draw and takes its share.
"""
