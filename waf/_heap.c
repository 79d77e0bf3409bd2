/* What the C library and the kernel offer for memory that is no longer needed; `waf/heap.py` says when it is asked for.
 *
 * Where one of them does not offer it, the function is not there.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <malloc.h>
#include <sys/mman.h>

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 33)
#define GIVES_BACK 1
#endif
#endif

#ifdef GIVES_BACK
PyDoc_STRVAR(one_arena_doc, "one_arena()\n\nLet all threads share one arena: M_ARENA_MAX of mallopt(3).");

static PyObject *one_arena(PyObject *unused, PyObject *none)
{
    (void)unused;
    (void)none;
    mallopt(M_ARENA_MAX, 1);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(free_bytes_doc, "free_bytes() -> int\n\nBytes that are free and were not given back: mallinfo2(3).");

static PyObject *free_bytes(PyObject *unused, PyObject *none)
{
    (void)unused;
    (void)none;
    return PyLong_FromSize_t(mallinfo2().fordblks);
}

PyDoc_STRVAR(trim_doc, "trim() -> bool\n\nGive all of them back: malloc_trim(3). True if some were.");

static PyObject *trim(PyObject *unused, PyObject *none)
{
    (void)unused;
    (void)none;
    return PyBool_FromLong(malloc_trim(0));
}
#endif

PyDoc_STRVAR(forget_doc,
             "forget(start, end) -> bool\n\n"
             "Let go of the pages of a mapping until they are wanted again: MADV_DONTNEED of madvise(2). What was written to\n"
             "them is lost: only for a private mapping of a file that nobody wrote to.");

static PyObject *forget(PyObject *unused, PyObject *const *args, Py_ssize_t nargs)
{
    (void)unused;
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "forget(int, int)");
        return NULL;
    }
    size_t start = PyLong_AsSize_t(args[0]), end = PyLong_AsSize_t(args[1]);
    if (PyErr_Occurred())
        return NULL;
    if (end <= start) {
        PyErr_SetString(PyExc_ValueError, "a mapping ends behind its start");
        return NULL;
    }
    return PyBool_FromLong(madvise((void *)start, end - start, MADV_DONTNEED) == 0);
}

static PyMethodDef module_methods[] = {
#ifdef GIVES_BACK
    {"one_arena", one_arena, METH_NOARGS, one_arena_doc},
    {"free_bytes", free_bytes, METH_NOARGS, free_bytes_doc},
    {"trim", trim, METH_NOARGS, trim_doc},
#endif
    {"forget", (PyCFunction)(void (*)(void))forget, METH_FASTCALL, forget_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._heap", PyDoc_STR("Memory that is no longer needed."), -1,
                                    module_methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__heap(void)
{
    return PyModule_Create(&module);
}
