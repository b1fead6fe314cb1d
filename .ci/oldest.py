"""Print the oldest versions that pyproject.toml declares, as pip constraints."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
installed = extras["test"] + extras["plot"] + extras["onnx"]
for requirement in project["dependencies"] + installed:
    if not requirement.startswith("skgd["):
        name, version = re.fullmatch(r"([\w-]+)>=([\w.]+)", requirement).groups()
        print(f"{name}=={version}")
