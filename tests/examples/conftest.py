from __future__ import annotations

import sys
from pathlib import Path

# On Lambda the folder of an app is the root of its imports.
sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "fastapi_app"))
