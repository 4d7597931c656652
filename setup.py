"""Build the wheel: the package, with the folder sql/ of the checkout inside it as recsys/sql."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["recsys", "recsys.*"]), "recsys.sql"],
    package_dir={"recsys.sql": "sql"},
    package_data={
        "recsys": ["py.typed"],
        "recsys.sql": ["**/*.sql"],
        "recsys.serving.pages": ["templates/*.jinja", "static/*"],
        "recsys.weeks_page": ["*.jinja"],
    },
)
