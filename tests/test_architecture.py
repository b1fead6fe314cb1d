"""Imports run one way, and what is private to others is imported in one place."""

import ast
from functools import cache
from pathlib import Path

import skgd

PACKAGE = Path(skgd.__file__).parent
# From the bottom to the top; a module may import those of its own floor and below.
FLOORS = [
    ["_version", "_files", "_sklearn_private"],
    ["kernels.machine"],
    ["kernels.formulas"],
    ["kernels.passes", "kernels.team"],
    ["kernels.epoch", "kernels.predict", "kernels.shuffle", "kernels"],
    ["network"],
    ["descent"],
    ["estimators"],
    [
        *("_commands", "_display", "compositions", "dask", "callbacks", "tabular"),
        *("_onnx", "onnx"),
        *("_regressor", "_classifier"),
    ],
    ["", "__main__"],
]
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__")
    for path in PACKAGE.rglob("*.py")
)


def floor_of(module):
    for number, folders in enumerate(FLOORS):
        if any(module == each or module.startswith(f"{each}.") for each in folders):
            return number
    raise AssertionError(f"{module} is on no floor: add its folder to FLOORS.")


@cache
def imports_of(module):
    """What a module imports: pairs of a module and the names taken of it."""
    found = []
    path = PACKAGE.joinpath(*module.rstrip(".").split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found.append((node.module, [alias.name for alias in node.names]))
        elif isinstance(node, ast.Import):
            found += [(alias.name, []) for alias in node.names]
    return found


def is_private(imported, names):
    return any(part.startswith("_") for part in [*imported.split("."), *names])


def roots_of(module):
    return {imported.split(".")[0] for imported, _ in imports_of(module)}


def test_imports_run_downward():
    for module in MODULES:
        for imported, _ in imports_of(module):
            if imported.startswith("skgd."):
                below = floor_of(imported.removeprefix("skgd."))
                assert below <= floor_of(module.rstrip(".")), (module, imported)


def test_nothing_but_its_folder_imports_dask():
    for module in MODULES:
        if not module.startswith("dask"):
            assert not roots_of(module) & {"dask", "distributed"}, module
            names = [imported for imported, _ in imports_of(module)]
            assert not any(name.startswith("skgd.dask") for name in names), module


def test_the_network_and_its_kernels_know_no_scikit_learn():
    for module in MODULES:
        if module.split(".")[0] in ("kernels", "network"):
            names = {imported for imported, _ in imports_of(module)}
            assert "sklearn" not in roots_of(module), module
            assert "skgd._sklearn_private" not in names, module


def test_nothing_but_the_kernels_imports_numba():
    for module in MODULES:
        if not module.startswith("kernels."):
            assert not roots_of(module) & {"numba", "llvmlite"}, module


def test_what_is_private_to_others_is_imported_in_one_place():
    for module in MODULES:
        for imported, names in imports_of(module):
            if imported.split(".")[0] == "sklearn" and is_private(imported, names):
                assert module == "_sklearn_private", (module, imported)
            if imported.startswith("numba.core"):
                assert module == "kernels.machine.numba_private", (module, imported)
