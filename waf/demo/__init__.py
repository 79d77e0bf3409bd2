"""The built-in demo: a small shop to stand behind the sidecar, and a tour of what the sidecar does to it."""
