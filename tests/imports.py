"""Which files of the package a module imports, itself and what they import included; read from the source, not run."""

import ast
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"


def _file(module: str) -> Path | None:
    path = SOURCE.joinpath(*module.split("."))
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


def imported_files(module: str) -> list[str]:
    """Paths relative to the project, sorted; a package counts with its __init__."""
    todo, seen = [module], set()
    while todo:
        name = todo.pop()
        file = _file(name)
        if file is None or name in seen:
            continue
        seen.add(name)
        if "." in name:
            todo.append(name.rsplit(".", 1)[0])
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                todo += [alias.name for alias in node.names if alias.name.startswith("collabnlp")]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("collabnlp"):
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    files = {_file(name) for name in seen}
    return sorted(file.relative_to(SOURCE.parent).as_posix() for file in files if file)
