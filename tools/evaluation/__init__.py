"""What tools/evaluate.py measures: a module for each command of limn, with the same functions `measure`, which runs limn
and returns figures, and `markdown`, which prints them as tables."""
