# SPDX-License-Identifier: MIT
"""Finds and opens libteplo, once, when the package is imported."""

import ctypes
import os
import pathlib

from ._ffi import TEPLO_ABI, Library

SONAME = "libteplo.so.1"


def open_library() -> tuple[ctypes.CDLL, str]:
    """
    $TEPLO_LIBRARY and nothing else if it is set; else the copy beside this file (wheels have
    one); else the system's.  ImportError says where it was looked for and what to do.
    """
    named = os.environ.get("TEPLO_LIBRARY")
    own = pathlib.Path(__file__).with_name(SONAME)
    if named:
        places = [named]
    else:
        places = [str(own), SONAME] if own.exists() else [SONAME]
    complaints = []
    for place in places:
        try:
            return ctypes.CDLL(place), place
        except OSError as error:
            complaints.append(f"{place}: {error}")
    raise ImportError(no_library_text(named, complaints))


def no_library_text(named: str | None, complaints: list[str]) -> str:
    if named:
        remedy = "TEPLO_LIBRARY is set: let it name a libteplo.so.1, or unset it"
    else:
        remedy = (
            "install the wheel, which carries it, or the library itself (then run ldconfig), "
            "or set TEPLO_LIBRARY to its path"
        )
    return f"teplo needs {SONAME} and could not open it: {remedy}\n  " + "\n  ".join(complaints)


def check_abi(library: Library, place: str) -> None:
    abi = library.teplo_abi()
    if abi != TEPLO_ABI:
        older = "library" if abi < TEPLO_ABI else "package"
        raise ImportError(
            f"{place} has ABI {abi}, and this package was made for ABI {TEPLO_ABI}: "
            f"the {older} is too old; install both of one version"
        )


def quick_twin(cdll: ctypes.CDLL) -> ctypes.PyDLL:
    """
    The same library for functions that only touch memory: the interpreter's lock is kept, which
    is cheaper than to give it to a thread and wait for it again.
    """
    return ctypes.PyDLL(cdll._name, handle=cdll._handle)


_cdll, PLACE = open_library()
lib = Library(_cdll)
quick = Library(quick_twin(_cdll))
check_abi(lib, PLACE)


def version() -> str:
    """Of the library in use, such as "0.1.0"."""
    number = quick.teplo_version()
    return f"{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def explain(status: int) -> str:
    """libteplo's words for an enum teplo_err."""
    return quick.teplo_strerror(status).decode("utf-8", "replace")
