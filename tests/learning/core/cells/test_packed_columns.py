from __future__ import annotations

import numpy as np
import pytest

from learning.core.cells.packed_columns import pack_columns, unpack_columns

COLUMNS = {
    "codes": np.array([[1, -1], [0, 3]], dtype=np.int8),
    "outcomes": np.array([0.1, -np.pi]),
    "keys": np.array([[1, 2**64 - 1]], dtype=np.uint64),
    "none": np.empty((0, 2), dtype=np.int16),
}


class TestPackedColumns:
    def test_come_back_as_they_were(self) -> None:
        back = unpack_columns(memoryview(pack_columns(COLUMNS)))

        assert back.keys() == COLUMNS.keys()
        for name, column in COLUMNS.items():
            assert (back[name].dtype, back[name].shape) == (column.dtype, column.shape)
            assert back[name].tobytes() == column.tobytes()

    def test_do_not_depend_on_how_a_column_lies_in_memory(self) -> None:
        across = np.arange(6).reshape(2, 3).T

        assert unpack_columns(pack_columns({"a": across}))["a"].tolist() == across.tolist()

    @pytest.mark.parametrize("packed", [b"", b"no columns", b"[]"])
    def test_are_refused_if_they_are_none(self, packed: bytes) -> None:
        with pytest.raises(ValueError, match="Expecting value"):
            unpack_columns(packed)
