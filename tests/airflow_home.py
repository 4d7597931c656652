"""An Airflow of the tests' own. Imported, before any airflow module, by the conftest of each folder
whose tests need it.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

assert "airflow" not in sys.modules, (
    "airflow was imported before its home was chosen: import it inside the tests that need it"
)
HOME = Path(tempfile.mkdtemp(prefix="recsys-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[_name]
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    "AIRFLOW_CONN_RECSYS_DB": "postgres://nobody:none@127.0.0.1:1/recsys",
}
