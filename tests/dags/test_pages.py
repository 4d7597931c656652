"""Pages on Airflow: docs/reference/params.md says what the forms say, and a page's commands are
some that Airflow and the DAGs take.
"""

import json
import shlex

import pytest

from stack.reference import params_page
from tests import airflow_home  # noqa: F401 - chooses Airflow's home
from tests.pages import GENERATED, command_lines

AIRFLOW = ".recsys/airflow "


def test_the_page_of_params_says_what_the_forms_say() -> None:
    assert (GENERATED / "params.md").read_text() == params_page(), "run: make reference"


@pytest.mark.parametrize(("page", "line"), command_lines(AIRFLOW))
def test_airflow_takes_a_pages_command(page: str, line: str, dagbag) -> None:
    from airflow.cli.cli_parser import get_parser

    options = get_parser().parse_args(shlex.split(line.removeprefix(AIRFLOW)))
    dag = dagbag.dags.get(options.dag_id)
    assert dag, f"{page}: no DAG {options.dag_id}"
    conf = getattr(options, "conf", None)
    assert set(json.loads(conf or "{}")) <= set(dag.params), f"{page}: no such Param"
