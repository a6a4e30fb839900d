"""What holds for every test."""

import signal

# A shell's background job, as a test run may be, ignores SIGINT and hands that on to every program it starts; a signal
# that is handled here is not ignored there.
signal.signal(signal.SIGINT, signal.default_int_handler)
