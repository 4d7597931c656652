"""docs/reference/params.md says what the forms say."""

from stack.reference import params_page
from tests.pages import GENERATED


def test_the_page_of_params_says_what_the_forms_say() -> None:
    assert (GENERATED / "params.md").read_text() == params_page(), "run: make reference"
