"""Print the oldest versions that pyproject.toml declares, as pip constraints."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
installed = extras["test"] + extras["plot"] + extras["onnx"] + extras["dask"]
installed += extras["progress"]
for requirement in project["dependencies"] + installed:
    if not requirement.startswith("skgd["):
        # A constraint has no extras: dask[array,dataframe]>=1 becomes dask==1.
        form = r"([\w-]+)(?:\[[\w,]+\])?>=([\w.]+)"
        name, version = re.fullmatch(form, requirement).groups()
        print(f"{name}=={version}")
