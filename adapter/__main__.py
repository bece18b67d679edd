"""``python -m adapter``."""

from .cli import main

raise SystemExit(main())
