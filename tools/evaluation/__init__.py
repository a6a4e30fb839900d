"""What tools/evaluate.py measures. A module for each command of limn has the functions `measure`, which runs limn and
returns figures, and `markdown`, which makes tables of them."""
