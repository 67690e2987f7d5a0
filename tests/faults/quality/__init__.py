"""Every expectation proven by a fault: `make faults-quality`."""
