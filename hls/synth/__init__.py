"""From a camera directory to a bitstream: packaged block, block design, constraints, scripts, and the vendor's run."""
