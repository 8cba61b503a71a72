"""The product in a real browser: the processes of `make run`, Chromium, and people who click and type."""
