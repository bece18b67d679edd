"""The option `defer_build`: pydantic builds the models of the handler at their first use.

https://docs.pydantic.dev/latest/api/config/#pydantic.config.ConfigDict.defer_build
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..invocation.loggers import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = get_logger("adapter.imports")


@contextmanager
def defer_models() -> Iterator[None]:
    """Let pydantic defer the build of each model whose configuration has no ``defer_build``.

    pydantic has no public setting for all models, so its defaults are changed. If the defaults are
    not found, a warning is logged, and models are built as usual.
    """
    defaults = _defaults()
    if defaults is None:
        yield
        return
    before = defaults["defer_build"]
    defaults["defer_build"] = True
    try:
        yield
    finally:
        defaults["defer_build"] = before


def _defaults() -> dict[str, object] | None:
    try:
        from pydantic._internal import _config  # third party, so only when asked for
    except ImportError as error:
        logger.warning("ADAPTER_DEFER_BUILD has no effect: %s", error)
        return None
    defaults = getattr(_config, "config_defaults", None)
    if isinstance(defaults, dict) and "defer_build" in defaults:
        return defaults
    logger.warning("ADAPTER_DEFER_BUILD has no effect: this version of pydantic is not supported")
    return None
