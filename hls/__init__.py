"""The hardware flow: QONNX to an RTL dataflow accelerator, its twin and its simulation."""
