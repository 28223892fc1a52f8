#!/usr/bin/env python3
"""Write the byte code of whatever some packages import, so that containers with a read-only root need not compile it.

    compile_imports.py PACKAGE ...      imports every module of the packages; Python writes the byte code as it goes

Compiling everything that is installed would add several times as much to an image. Modules that need what an image does
not have (torch, launch_ros) are named and left out.
"""

import importlib
import pkgutil
import sys


def modules(package: str) -> list[str]:
    """Name a package and every module in it; what runs when it is imported (``__main__``) is left out."""
    path = importlib.import_module(package).__path__
    names = (found.name for found in pkgutil.walk_packages(path, f"{package}.", onerror=lambda _name: None))
    return [package, *(name for name in names if not name.endswith("__main__"))]


def main() -> int:
    """Import the packages named on the command line."""
    missing: dict[str, list[str]] = {}
    for name in [name for package in sys.argv[1:] for name in modules(package)]:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing.setdefault(str(error.name), []).append(name)
    for absent, names in missing.items():
        print(f"without {absent}: {', '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
