from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, ConfigDict
from pydantic._internal import _config

from adapter.imports.deferred_models import defer_models

if TYPE_CHECKING:
    from collections.abc import Callable


def make_model(**config: bool) -> type[BaseModel]:
    class Order(BaseModel):
        model_config = ConfigDict(defer_build=config["defer_build"]) if config else ConfigDict()
        price: float

    return Order


def is_built(model: type[BaseModel]) -> bool:
    return model.__pydantic_complete__


def test_a_model_is_built_at_its_first_use() -> None:
    with defer_models():
        model = make_model()
        assert not is_built(model)
    assert model(price="1.5").model_dump() == {"price": 1.5}
    assert is_built(model)


def test_a_model_may_say_itself_when_it_is_built() -> None:
    with defer_models():
        assert is_built(make_model(defer_build=False))


def test_a_model_is_built_at_once_afterwards() -> None:
    with defer_models():
        assert not is_built(make_model())
    assert is_built(make_model())


def test_a_module_that_fails_leaves_the_default_as_it_was() -> None:
    with pytest.raises(KeyError), defer_models():
        raise KeyError
    assert is_built(make_model())


def without_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic._internal", None)


def with_other_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(_config, "config_defaults")


@pytest.mark.parametrize("change", [without_pydantic, with_other_defaults])
def test_where_it_cannot_be_done_a_warning_says_so(
    change: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    change(monkeypatch)
    with defer_models():
        pass
    (line,) = caplog.messages
    assert line.startswith("ADAPTER_DEFER_BUILD has no effect: ")
