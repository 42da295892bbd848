"""The quantised networks that go on the chip: training, rules, QONNX export."""
