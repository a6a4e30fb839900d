"""Seeds of drawings that are never trained on: for the loss curve, and for the record and the demo."""

VALIDATION, HELD_OUT = 1000, 2000
