"""What `make demo` shows: every network whose demo weights are there, the pixel tools and `limn explain`.

`exhibit.py` says what one exhibit is, `networks.py` and `instruments.py` make them by running limn on `inputs.py`,
`page.py` and `sheet.py` lay them out. Needs NumPy and Pillow.
"""
