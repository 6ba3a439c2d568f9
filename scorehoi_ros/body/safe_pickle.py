"""Read the array pickles that SMPL-H is published as, without running anything that a pickle may name.

Only numpy arrays, scipy's compressed sparse matrices and chumpy arrays are let through.  chumpy itself is not
needed: its arrays are read as bags of attributes, and the value is picked out of them.
"""

import pickle
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from scipy import sparse

from scorehoi_ros.errors import BodyError


class _Chumpy:
    """Stands for every chumpy class; keeps the attributes and runs none of its code."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)

    def to_array(self) -> np.ndarray:
        """The value: of a plain array `x`, or of a selection `a` by flat indices `idxs`."""
        if "x" in self.__dict__:
            return np.asarray(plain(self.__dict__["x"]))
        if "a" in self.__dict__ and "idxs" in self.__dict__:
            value = np.ravel(plain(self.__dict__["a"]))[np.asarray(self.__dict__["idxs"], np.int64)]
            shape = self.__dict__.get("preferred_shape")
            return value.reshape(shape) if shape is not None else value
        raise BodyError("the pickle has a chumpy expression that is not a plain array; save it as .npz.")


class _Sparse:
    """Stands for scipy.sparse's csc and csr matrices, whatever version of scipy wrote them."""

    layout = ""

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state if isinstance(state, dict) else {})

    def to_array(self) -> np.ndarray:
        """The dense matrix, after scipy has checked that the indices are in range."""
        parts = self.__dict__
        build = sparse.csc_matrix if self.layout == "csc" else sparse.csr_matrix
        matrix = build((parts["data"], parts["indices"], parts["indptr"]), shape=parts["_shape"])
        matrix.check_format(full_check=True)
        return matrix.toarray()


class _Csc(_Sparse):
    layout = "csc"


class _Csr(_Sparse):
    layout = "csr"


def _latin1(text: str, encoding: str) -> bytes:
    """How Python 2 bytes inside protocol-2 pickles are written; the only use of `_codecs.encode`."""
    if encoding not in ("latin1", "latin-1"):
        raise BodyError(f"the pickle encodes bytes as {encoding!r}; only latin1 occurs in SMPL-H files.")
    return text.encode("latin-1")


def _empty_array(kind: Any, shape: Any, typecode: Any) -> np.ndarray:
    """What `numpy.core.multiarray._reconstruct` is called for; always an empty plain array."""
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _reconstruct_object(cls: Any, base: Any, state: Any) -> Any:
    """Protocol 0 and 1 objects; only for the stand-ins above."""
    if cls not in (_Chumpy, _Csc, _Csr):
        raise BodyError(f"the pickle builds an object of {cls!r}; only arrays are allowed.")
    return cls()


def _stand_ins() -> dict[tuple[str, str], Callable[..., Any] | type]:
    table: dict[tuple[str, str], Callable[..., Any] | type] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _latin1,
        ("copy_reg", "_reconstructor"): _reconstruct_object,
        ("copyreg", "_reconstructor"): _reconstruct_object,
        ("__builtin__", "object"): object,
        ("builtins", "object"): object,
    }
    for core in ("numpy.core", "numpy._core"):
        table[(f"{core}.multiarray", "_reconstruct")] = _empty_array
        table[(f"{core}.multiarray", "scalar")] = _scalar
    for module in ("scipy.sparse", "scipy.sparse.csc", "scipy.sparse._csc"):
        table[(module, "csc_matrix")] = _Csc
    for module in ("scipy.sparse", "scipy.sparse.csr", "scipy.sparse._csr"):
        table[(module, "csr_matrix")] = _Csr
    return table


def _scalar(dtype: Any, content: Any) -> Any:
    """One number of a plain dtype; object scalars would unpickle again."""
    if not isinstance(dtype, np.dtype) or dtype.hasobject or not isinstance(content, bytes):
        raise BodyError("the pickle has a numpy scalar that is not a number.")
    return np.frombuffer(content, dtype, count=1)[0]


class _ArrayUnpickler(pickle.Unpickler):
    _table = _stand_ins()

    def find_class(self, module: str, name: str) -> Any:
        if module == "chumpy" or module.startswith("chumpy."):
            return _Chumpy
        if (module, name) in self._table:
            return self._table[(module, name)]
        raise BodyError(
            f"the pickle asks for {module}.{name}, which is not an array. Nothing was run. "
            "Use the file from the SMPL-H / MANO site, or an .npz."
        )

    def persistent_load(self, pid: Any) -> Any:
        raise BodyError("the pickle refers to objects outside the file; only arrays are allowed.")


def load_array_pickle(content: bytes, source: str) -> dict[str, Any]:
    """The dictionary in the pickle ``content``: arrays, sparse and chumpy arrays turned into numpy arrays.

    Raises BodyError when it holds anything else; ``source`` names the file in errors.
    """
    try:
        value = _ArrayUnpickler(BytesIO(content), encoding="latin1").load()
        if not isinstance(value, dict):
            raise BodyError(f"it holds a {type(value).__name__}, expected a dictionary of arrays.")
        return {str(name): plain(entry) for name, entry in value.items()}
    except BodyError as error:
        raise BodyError(f"{source}: {error}") from error
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise BodyError(f"{source} is not a readable pickle: {error}. Download the file again.") from error


def plain(value: Any) -> Any:
    """``value`` with stand-ins turned into numpy arrays."""
    return value.to_array() if isinstance(value, _Chumpy | _Sparse) else value
