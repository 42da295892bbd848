"""The compiler's flow: QONNX → integer graph → hardware layers → folded RTL nodes → sized FIFOs → build directory."""
