"Build from settings.ini, the single source of the package's metadata."
import shlex
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

ini = ConfigParser(delimiters=["="])
ini.read("settings.ini", encoding="utf-8")
cfg = ini["DEFAULT"]


def requirements(key):
    return shlex.split(cfg.get(key) or "")


extras = {key.removesuffix("_requirements"): requirements(key)
          for key in cfg if key.endswith("_requirements")}
pythons = [f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)]

setup(
    name=cfg["lib_name"], version=cfg["version"], description=cfg["description"],
    keywords=cfg["keywords"], author=cfg["author"], author_email=cfg["author_email"],
    license="Apache-2.0", url=cfg["git_url"], project_urls={"Source": cfg["git_url"]},
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    classifiers=["Programming Language :: Python :: 3", *pythons,
                 "Intended Audience :: Science/Research"],
    packages=find_packages(include=[cfg["lib_path"], cfg["lib_path"] + ".*"]),
    include_package_data=True, zip_safe=False, python_requires=">=" + cfg["min_python"],
    install_requires=requirements("requirements"), extras_require=extras,
    entry_points={"console_scripts": shlex.split(cfg.get("console_scripts") or ""),
                  "nbdev": [f"{cfg['lib_path']}={cfg['lib_path']}._modidx:d"]},
)
