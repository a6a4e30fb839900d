"""Seeds of what is drawn and never trained on: for the curve, and for the record and the demo."""

VALIDATION, HELD_OUT = 1000, 2000
