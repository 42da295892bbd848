"""The losses of the paper, one small function for each of its equations (1) to (4), and angular softmax."""
