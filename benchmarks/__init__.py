"""How long the diagnosis takes to find each fault: ``python -m benchmarks``."""
