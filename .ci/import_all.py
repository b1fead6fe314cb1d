"""Import every module of skgd; under ``python -OO`` none has a docstring."""

import importlib
import pkgutil

import skgd

names = [module.name for module in pkgutil.walk_packages(skgd.__path__, "skgd.")]
for name in names:
    importlib.import_module(name)
assert "skgd.dask" in names
print(f"{len(names)} modules imported")
