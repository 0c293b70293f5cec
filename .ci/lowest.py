"""Print the lowest versions that pyproject.toml declares, as pip wants them."""

import re
import tomllib

from pathlib import Path


project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
names = ["httpx2", "http2", "structlog", "otel", "prometheus"]
lines = [line for name in names for line in extras[name]]
for line in [*project["dependencies"], *lines]:
    found = re.match(r"([\w.-]+)(?:\[[^]]*\])?>=([\d.]+)", line)
    # anyio is left out where httpx2 asks for a newer one.
    if found is not None and found[1] != "anyio":
        print(f"{found[1]}=={found[2]}")
