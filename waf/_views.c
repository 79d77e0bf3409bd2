/* Steps of decoding at the speed of C: what waf/inspect/layers.py and waf/inspect/folds.py do, function by function.
 *
 * Those are the reference: tests demand the same texts of both, for any bytes. Every function takes bytes and gives a
 * tuple of bytes, is linear in its input, and keeps nothing. What each undoes, and which expressions say so, is told
 * beside the reference; comments here are about why one pass gives the same as several.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "_views_characters.h"
#include "_views_layers.h"
#include "_views_base64.h"
#include "_views_folds.h"

/* ------------------------------------------------------------------------------------------------------ to Python */

typedef uint8_t *(*Step)(const uint8_t *at, const uint8_t *end, uint8_t *out);

/* What a step makes of bytes, which is no longer than `times` its length and some. */
static PyObject *made(PyObject *text, Step step, int times)
{
    Py_ssize_t size = PyBytes_GET_SIZE(text);
    if (size > PY_SSIZE_T_MAX / 4)
        return PyErr_NoMemory();
    PyObject *result = PyBytes_FromStringAndSize(NULL, size * times + SLACK);
    if (result == NULL)
        return NULL;
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(text);
    uint8_t *out = (uint8_t *)PyBytes_AS_STRING(result);
    Py_ssize_t length = step(at, at + size, out) - out;
    _PyBytes_Resize(&result, length); /* NULL where it fails */
    return result;
}

static int is_bytes(PyObject *text)
{
    if (PyBytes_Check(text))
        return 1;
    PyErr_SetString(PyExc_TypeError, "a step takes bytes");
    return 0;
}

/* A tuple of one text or two, which become its own. */
static PyObject *texts(PyObject *first, PyObject *second)
{
    PyObject *tuple = first == NULL ? NULL : PyTuple_New(second == NULL ? 1 : 2);
    if (tuple == NULL) {
        Py_XDECREF(first);
        Py_XDECREF(second);
        return NULL;
    }
    PyTuple_SET_ITEM(tuple, 0, first);
    if (second != NULL)
        PyTuple_SET_ITEM(tuple, 1, second);
    return tuple;
}

static PyObject *one(PyObject *text, Step step, int times)
{
    return is_bytes(text) ? texts(made(text, step, times), NULL) : NULL;
}

static int same(PyObject *text, PyObject *other)
{
    Py_ssize_t size = PyBytes_GET_SIZE(text);
    return size == PyBytes_GET_SIZE(other) && memcmp(PyBytes_AS_STRING(text), PyBytes_AS_STRING(other), (size_t)size) == 0;
}

static int holds(PyObject *text, int c)
{
    return memchr(PyBytes_AS_STRING(text), c, (size_t)PyBytes_GET_SIZE(text)) != NULL;
}

/* As it is where nothing in it is encoded. */
static PyObject *decoded(PyObject *text, Step step, int other)
{
    if (!is_bytes(text))
        return NULL;
    return holds(text, '%') || holds(text, other) ? made(text, step, 1) : Py_NewRef(text);
}

PyDoc_STRVAR(unpercent_doc, "unpercent(data) -> bytes\n\nAs `unpercent` in waf/inspect/layers.py.");

static PyObject *unpercent(PyObject *unused, PyObject *data)
{
    return decoded(data, percent, '%');
}

PyDoc_STRVAR(unform_doc, "unform(data) -> bytes\n\nAs `unform` in waf/inspect/layers.py.");

static PyObject *unform(PyObject *unused, PyObject *data)
{
    return decoded(data, percent_of_form, '+');
}

static PyObject *decode_percent(PyObject *unused, PyObject *text)
{
    if (!is_bytes(text))
        return NULL;
    PyObject *plain = made(text, percent_u, 1);
    if (plain == NULL)
        return NULL;
    PyObject *decoded = made(plain, percent, 1), *form = NULL;
    if (decoded != NULL && holds(plain, '+') && !holds(plain, ' ') && !same(decoded, plain)) {
        form = made(plain, percent_of_form, 1);
        if (form == NULL)
            Py_CLEAR(decoded);
    }
    Py_DECREF(plain);
    return texts(decoded, form);
}

static PyObject *decode_html(PyObject *unused, PyObject *text)
{
    return one(text, html, 1);
}

static PyObject *decode_js(PyObject *unused, PyObject *text)
{
    if (!is_bytes(text))
        return NULL;
    return holds(text, '\\') ? one(text, js, 1) : texts(Py_NewRef(text), NULL);
}

static PyObject *decode_css(PyObject *unused, PyObject *text)
{
    return one(text, css, 1);
}

static PyObject *decode_unicode(PyObject *unused, PyObject *text)
{
    return one(text, plain_characters, 2);
}

static PyObject *decode_utf7(PyObject *unused, PyObject *text)
{
    return one(text, utf7, 2);
}

static PyObject *decode_base64(PyObject *unused, PyObject *text)
{
    if (!is_bytes(text))
        return NULL;
    PyObject *list = PyList_New(0), *tuple = NULL;
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(text);
    if (list != NULL && add_uncoded(list, at, at + PyBytes_GET_SIZE(text)) == 0)
        tuple = PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

static PyObject *fold_sqlspace(PyObject *unused, PyObject *text)
{
    if (!is_bytes(text))
        return NULL;
    PyObject *opened = made(text, plain_blanks, 1);
    if (opened == NULL)
        return NULL;
    PyObject *spaced = made(opened, without_comments, 1);
    PyObject *blank = spaced == NULL ? NULL : made(spaced, without_line_comments, 1);
    PyObject *joined = blank == NULL ? NULL : made(opened, joined_words, 1);
    Py_XDECREF(spaced);
    if (joined == NULL)
        Py_CLEAR(blank);
    else if (same(joined, opened))
        Py_CLEAR(joined);
    Py_DECREF(opened);
    return texts(blank, joined);
}

static PyObject *fold_shell(PyObject *unused, PyObject *text)
{
    if (!is_bytes(text))
        return NULL;
    PyObject *expanded = made(text, holds(text, '$') ? expansions : copied, 1);
    PyObject *words = expanded == NULL ? NULL : made(expanded, shell_words, 1);
    Py_XDECREF(expanded);
    if (words == NULL)
        return NULL;
    int caret = holds(words, '^');
    PyObject *first = made(words, caret ? unquoted : unticked, 1), *second = NULL;
    if (first != NULL && (caret || holds(words, '`'))) {
        second = made(words, caret ? uncareted : unquoted, 1);
        if (second == NULL)
            Py_CLEAR(first);
    }
    Py_DECREF(words);
    return texts(first, second);
}

static PyObject *fold_pathnorm(PyObject *unused, PyObject *text)
{
    if (!is_bytes(text))
        return NULL;
    PyObject *bare = made(text, without_parameters, 1);
    PyObject *path = bare == NULL ? NULL : made(bare, single_slashes, 1);
    Py_XDECREF(bare);
    PyObject *resolved = Py_XNewRef(path);
    for (int round = 0; round < 8 && resolved != NULL; round++) {
        PyObject *shorter = made(resolved, climbed, 1);
        int done = shorter != NULL && PyBytes_GET_SIZE(shorter) == PyBytes_GET_SIZE(resolved);
        Py_SETREF(resolved, shorter);
        if (done)
            break;
    }
    if (resolved == NULL)
        Py_CLEAR(path);
    return texts(path, resolved);
}

static PyObject *fold_concat(PyObject *unused, PyObject *text)
{
    return one(text, concatenated, 1);
}

PyDoc_STRVAR(forms_doc,
             "learn(names: dict[bytes, bytes], forms: dict[int, bytes]) -> None\n\n"
             "Tells which named references of HTML stand for which text, and which characters for which ASCII.");

static PyObject *learn(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyDict_Check(arguments[0]) || !PyDict_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "learn takes names and forms");
        return NULL;
    }
    PyObject *key, *value;
    Py_ssize_t position = 0;
    name_count = 0;
    while (PyDict_Next(arguments[0], &position, &key, &value))
        if (!PyBytes_Check(key) || !PyBytes_Check(value)
            || add_name(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
                   < 0) {
            PyErr_SetString(PyExc_ValueError, "a name is too long, or there are too many");
            return NULL;
        }
    order_names();
    position = 0;
    while (PyDict_Next(arguments[1], &position, &key, &value)) {
        long point = PyLong_AsLong(key);
        if (point == -1 && PyErr_Occurred())
            return NULL;
        if (!PyBytes_Check(value) || point < 0x80
            || add_form((uint32_t)point, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)) < 0) {
            PyErr_SetString(PyExc_ValueError, "a character's form is too long, or there are too many");
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"learn", (PyCFunction)(void (*)(void))learn, METH_FASTCALL, forms_doc},
    {"unpercent", unpercent, METH_O, unpercent_doc},
    {"unform", unform, METH_O, unform_doc},
    {"decode_percent", decode_percent, METH_O, NULL},
    {"decode_html", decode_html, METH_O, NULL},
    {"decode_js", decode_js, METH_O, NULL},
    {"decode_css", decode_css, METH_O, NULL},
    {"decode_unicode", decode_unicode, METH_O, NULL},
    {"decode_utf7", decode_utf7, METH_O, NULL},
    {"decode_base64", decode_base64, METH_O, NULL},
    {"fold_sqlspace", fold_sqlspace, METH_O, NULL},
    {"fold_shell", fold_shell, METH_O, NULL},
    {"fold_pathnorm", fold_pathnorm, METH_O, NULL},
    {"fold_concat", fold_concat, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._views",
                                    PyDoc_STR("Steps of decoding in C; the reference is Python."), -1,
                                    methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__views(void)
{
    learn_kinds();
    return PyModule_Create(&module);
}
