from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.emulator.layers import PYTHON, read_layers, with_layers
from adapter.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_folders_of_layers_end_each_search_path() -> None:
    environ = with_layers({"PATH": "/usr/bin", "COLOUR": "red", "NODE_PATH": ""})
    assert environ == {
        "COLOUR": "red",
        "PATH": "/usr/bin:/opt/bin",
        "LD_LIBRARY_PATH": "/opt/lib",
        "PYTHONPATH": f"/opt/python/lib/{PYTHON}/site-packages:/opt/python",
        "NODE_PATH": "/opt/nodejs/node_modules",
    }


def test_a_layer_is_a_folder(tmp_path: Path) -> None:
    assert read_layers([str(tmp_path)]) == (tmp_path.resolve(),)
    (tmp_path / "layer.zip").touch()
    with pytest.raises(ConfigurationError, match="unpacked layer"):
        read_layers([str(tmp_path / "layer.zip")])
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConfigurationError, match="is not a folder"):
        read_layers([str(tmp_path / "loop")])


def test_a_layer_whose_name_cannot_be_mounted_is_refused(tmp_path: Path) -> None:
    odd = tmp_path / "a:b"
    odd.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be mounted"):
        read_layers([str(odd)])
