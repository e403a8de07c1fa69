"""Packaging entry point; everything that can be declared stands in pyproject.toml.

The licence is given here because no single form of it in pyproject.toml is accepted by every
setuptools from 68 on: the plain SPDX string is refused before 77, the table after its removal.
"""

from setuptools import setup

setup(license="AGPL-3.0-or-later")
