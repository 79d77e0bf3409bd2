"""The accelerators are optional: where they cannot be built, the same is done in Python, slower."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(f"waf.{name}", [f"waf/{name}.c"], extra_compile_args=["-O3"], optional=True)
        for name in ("_speed", "_bodies")
    ]
)
