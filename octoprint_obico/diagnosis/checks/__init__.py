"""The checks, one file each: what is known in, a finding out. The engine's plan orders them."""
