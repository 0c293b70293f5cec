"""
Pay the same charges three ways through the same faults, and count.

`scenario` says what is charged and what goes wrong, `modes` how each client
goes about it, `tally` what became of it; `run` plays one mode.
"""
