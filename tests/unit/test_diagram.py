"""The diagram of what imports what is drawn from the code, and is up to date."""

from stack.diagram import PAGE, mermaid, reduced, with_diagram


def test_the_diagram_is_what_the_code_imports() -> None:
    assert PAGE.read_text() == with_diagram(PAGE.read_text()), "run: make diagram"


def test_an_import_that_goes_another_way_too_is_left_out() -> None:
    graph = {"top": {"middle", "bottom"}, "middle": {"bottom"}, "bottom": set()}
    assert reduced(graph) == {"top": {"middle"}, "middle": {"bottom"}, "bottom": set()}
    assert mermaid(reduced(graph)).splitlines() == [
        "flowchart TD",
        "    top --> middle",
        "    middle --> bottom",
    ]
