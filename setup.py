"""What is compiled is optional: where it cannot be, the same is done in Python, slower."""

import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from waf.compiled import DIGEST, MODULES, NATIVE, digest, native, source  # noqa: E402

FLAGS = ["-O2", "-g0"]


def accelerators() -> list[Extension]:
    """Written in C."""
    return [
        Extension(
            f"waf.{name}",
            [f"waf/{name}.c"],
            depends=sorted(str(header.relative_to(HERE)) for header in HERE.glob("waf/_*.h")),
            extra_compile_args=["-O3"],
            optional=True,
        )
        for name in (
            "_speed",
            "_bodies",
            "_finder",
            "_heap",
            "_search",
            "_shell",
            "_sql",
            "_values",
            "_views",
        )
    ]


def compiled() -> list[Extension]:
    """Modules of the hot path, by Cython where it is at hand."""
    try:
        from Cython.Build import cythonize
    except ImportError:
        return []
    extensions = [
        Extension(module, [str(source(module).relative_to(HERE))], extra_compile_args=FLAGS)
        for module in MODULES
    ]
    directives = {"language_level": 3, "annotation_typing": False}
    made = list(cythonize(extensions, build_dir="build/cython", compiler_directives=directives, quiet=True))
    for extension in made:
        extension.optional = True  # which Cython does not hand on
    return made


class Build(build_ext):
    """Two at a time; and says of which sources it was made."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or 2

    def run(self) -> None:
        whole = HERE / "waf" if self.inplace else Path(self.build_lib) / "waf"
        (whole / DIGEST).unlink(missing_ok=True)
        (whole / NATIVE).unlink(missing_ok=True)
        if self.inplace:  # what was compiled once and is not any more would hide its source
            for file in whole.rglob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}"):
                file.unlink()
        super().run()
        if all(Path(self.get_ext_fullpath(module)).exists() for module in MODULES):
            whole.mkdir(parents=True, exist_ok=True)
            (whole / DIGEST).write_text(digest() + "\n")
        if self.inplace:
            (whole / NATIVE).write_text(native() + "\n")


setup(ext_modules=accelerators() + compiled(), cmdclass={"build_ext": Build})
