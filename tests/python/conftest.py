"""What holds for every test."""

import signal

# A shell's background job ignores SIGINT, and what nohup starts SIGHUP; programs that they start inherit that, and the
# tests are to see what these signals do.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
