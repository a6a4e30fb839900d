"""Settings for the tests of other systems, which `make test-systems` runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
