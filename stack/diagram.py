"""`make diagram`: the picture in docs/architecture.md, drawn from what the code imports."""

import sys

import grimp

from stack.home import REPOSITORY

PAGE = REPOSITORY / "docs" / "architecture.md"
BEGIN = "```mermaid\n"
END = "```\n"

Graph = dict[str, set[str]]


def main() -> int:
    """Write the diagram anew into the page."""
    PAGE.write_text(with_diagram(PAGE.read_text()))
    print(f"written: {PAGE}")
    return 0


def with_diagram(page: str) -> str:
    """Return the page with the diagram that the code gives now in place of its own."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{mermaid(reduced(rooms()))}{END}{after}"


def rooms() -> Graph:
    """Return which packages and modules at the top of recsys import which others."""
    graph = grimp.build_graph("recsys")
    names = sorted(graph.find_children("recsys"))
    for name in names:
        graph.squash_module(name)
    return {
        short(name): {short(other) for other in graph.find_modules_directly_imported_by(name)}
        - {short(name), "recsys"}
        for name in names
    }


def short(name: str) -> str:
    """Return a module's name without the package's."""
    return name.removeprefix("recsys.")


def reduced(graph: Graph) -> Graph:
    """Leave out each import that goes another way, too: of a layered graph, the layers stay."""
    return {
        name: {other for other in others if not _goes_round(graph, name, other)}
        for name, others in graph.items()
    }


def _goes_round(graph: Graph, name: str, other: str) -> bool:
    """Return whether a path leads from one to the other that is not the direct one."""
    waiting = list(graph[name] - {other})
    seen = {name}
    while waiting:
        step = waiting.pop()
        if step == other:
            return True
        if step not in seen:
            seen.add(step)
            waiting += graph.get(step, ())
    return False


def mermaid(graph: Graph) -> str:
    """Return the graph as Mermaid text: an arrow from who imports to who is imported."""
    lines = [f"    {name} --> {other}" for name in graph for other in sorted(graph[name])]
    return "\n".join(["flowchart TD", *lines, ""])


if __name__ == "__main__":
    sys.exit(main())
