"""The accelerator is optional: where it cannot be built, the same is done in Python, slower."""

from setuptools import Extension, setup

setup(ext_modules=[Extension("waf._speed", ["waf/_speed.c"], extra_compile_args=["-O3"], optional=True)])
