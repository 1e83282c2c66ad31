"""How the service runs: its process, connections, limits, what is seen of it from outside, and the jobs it starts."""
