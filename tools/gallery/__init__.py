"""`make demo`: runs every network that has demo weights, the pixel tools and `limn explain`.

`demo.py` is the program. `exhibit.py` defines an exhibit; `networks.py` and `instruments.py` make the exhibits by
running limn on the pictures of `inputs.py`; `page.py` and `sheet.py` lay them out. Needs NumPy and Pillow.
"""
