from __future__ import annotations

import sys
from pathlib import Path

# On Lambda the folder of an app is the root of its imports. (Both have a `handler`; here it is the
# first one that is found.)
EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path[:0] = [str(EXAMPLES / "fastapi_app"), str(EXAMPLES / "django_app")]
