/* Where a value stands: columns of a table and the path in a JSON body, as waf/sensitive/places.py finds them. */
#ifndef WAF_FINDER_PLACES_H
#define WAF_FINDER_PLACES_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_text.h"

/* ------------------------------------------------------------------------------------------------------ columns */

typedef struct { /* of a table, at a place in it; see places.Columns.field_at */
    Py_ssize_t at, line, column, behind_separator, behind_quote;
    int quoted;
} Cell;

typedef struct {
    uint8_t separator; /* 0: no table */
    PyObject *labels;  /* a tuple, borrowed */
    Cell now, mark;    /* the mark stands a little before */
} Columns;

enum { BEHIND = 512 };

static void advance(Cell *cell, uint8_t separator, const uint8_t *text, Py_ssize_t upto)
{
    for (; cell->at < upto; cell->at++) {
        uint8_t byte = text[cell->at];
        if (byte == separator) {
            cell->column += !cell->quoted;
            cell->behind_separator = cell->at + 1;
        }
        else if (byte == '"') {
            cell->quoted = !cell->quoted;
            cell->behind_quote = cell->at + 1;
        }
        else if (byte == '\n')
            *cell = (Cell){.at = cell->at, .line = cell->at + 1};
    }
}

/* To a place; mostly a later one than before, seldom one that is a little earlier. */
static void go_to(Columns *columns, const uint8_t *text, Py_ssize_t place)
{
    if (place < columns->now.at)
        columns->now = columns->mark.at <= place ? columns->mark : (Cell){0};
    if (place - columns->now.at > BEHIND) {
        advance(&columns->now, columns->separator, text, place - BEHIND);
        columns->mark = columns->now;
    }
    else if (columns->now.at - columns->mark.at > 4 * BEHIND) {
        advance(&columns->mark, columns->separator, text, columns->now.at - BEHIND);
    }
    advance(&columns->now, columns->separator, text, place);
}

static Py_ssize_t cell_begins(const Cell *cell)
{
    Py_ssize_t begin = cell->line;
    if (cell->behind_separator > begin)
        begin = cell->behind_separator;
    return cell->quoted && cell->behind_quote > begin ? cell->behind_quote : begin;
}

/* Reads (labels, separator); -1 with an exception. */
static int read_columns(PyObject *pair, Columns *columns)
{
    const char *separator;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(pair, "O!y#", &PyTuple_Type, &columns->labels, &separator, &size))
        return -1;
    if (size != 1 || separator[0] == 0 || separator[0] == '"' || separator[0] == '\n') {
        PyErr_SetString(PyExc_ValueError, "a separator is one byte");
        return -1;
    }
    columns->separator = (uint8_t)separator[0];
    return 0;
}

/* ----------------------------------------------------------------------------------------- where in a JSON body */

enum { MOST_DEPTH = 64, MOST_OPEN = 4096 };

typedef struct {
    PyObject *stack, *key; /* as of places.JsonPath */
    int in_string;
    Py_ssize_t from;   /* what stands before it needs no second look */
    Py_ssize_t lowest; /* the least depth of the stack since somebody set it to what it was then */
    Py_ssize_t joined; /* so many of the lowest names of the stack are as they were when somebody set it */
} Path;

/* Behind the quote that ends the string whose inside begins at `at`; -1 where it has not ended. */
static Py_ssize_t string_end(const uint8_t *text, Py_ssize_t at, Py_ssize_t end)
{
    while (at < end) {
        if (text[at] == '"')
            return at + 1;
        at += text[at] == '\\' ? 2 : 1;
    }
    return -1;
}

/* Behind what follows a string that says nothing of where we are, places._PASSED; -1 where it may say something. */
static Py_ssize_t passed_string(const uint8_t *text, Py_ssize_t at, Py_ssize_t end)
{
    while (at < end && is_json_blank(text[at]))
        at++;
    if (at == end)
        return -1;
    if (text[at] == ',' || text[at] == ']' || text[at] == '}')
        return at;
    if (text[at] != ':')
        return -1;
    for (at++; at < end && is_json_blank(text[at]); at++)
        ;
    if (at < end && text[at] == '"')
        at = string_end(text, at + 1, end);
    else {
        Py_ssize_t first = at;
        while (at < end && memchr("\"{}[],", text[at], 6) == NULL && !is(text[at], SPACE))
            at++;
        if (at == first)
            return -1;
    }
    if (at < 0)
        return -1;
    while (at < end && is_json_blank(text[at]))
        at++;
    return at < end && (text[at] == ',' || text[at] == '}') ? at : -1;
}

/* places.JsonPath.follow over text[path->from:end]; -1 with an exception. */
static int follow(Path *path, const uint8_t *text, Py_ssize_t end)
{
    Py_ssize_t at = path->from;
    if (at >= end)
        return 0;
    if (path->in_string) {
        Py_ssize_t behind = string_end(text, at, end);
        if (behind < 0) {
            path->from = text[end - 1] == '\\' ? end - 1 : end;
            return 0;
        }
        path->in_string = 0;
        at = behind;
    }
    while (at < end) {
        uint8_t byte = text[at];
        if (byte == '"') {
            Py_ssize_t behind = string_end(text, at + 1, end);
            if (behind < 0) {
                path->in_string = end - at > MOST_OPEN;
                path->from = path->in_string ? end : at;
                return 0;
            }
            Py_ssize_t next = passed_string(text, behind, end);
            if (next >= 0) {
                at = next;
                continue;
            }
            next = behind;
            while (next < end && is_json_blank(text[next]))
                next++;
            if (next < end && text[next] == ':') {
                Py_ssize_t size = behind - 1 - (at + 1);
                PyObject *name = PyUnicode_DecodeUTF8((const char *)text + at + 1, size > 64 ? 64 : size, "replace");
                PyObject *key = name == NULL ? NULL : PyUnicode_FromFormat(".%U", name);
                Py_XDECREF(name);
                if (key == NULL)
                    return -1;
                Py_SETREF(path->key, key);
                at = next + 1;
            }
            else if (behind == end) { /* its colon may be about to come */
                path->from = at;
                return 0;
            }
            else
                at = behind;
            continue;
        }
        if (byte == '{' || byte == '[') {
            if (PyList_GET_SIZE(path->stack) < MOST_DEPTH) {
                PyObject *step = byte == '[' ? PyUnicode_FromFormat("%U[]", path->key) : Py_NewRef(path->key);
                int failed = step == NULL || PyList_Append(path->stack, step) < 0;
                Py_XDECREF(step);
                if (failed)
                    return -1;
            }
        }
        else if (byte == '}' || byte == ']') {
            Py_ssize_t depth = PyList_GET_SIZE(path->stack);
            if (depth > 0 && PyList_SetSlice(path->stack, depth - 1, depth, NULL) < 0)
                return -1;
            if (depth <= path->lowest)
                path->lowest = depth - 1;
            if (depth > 0 && depth <= path->joined)
                path->joined = depth - 1;
        }
        else {
            at++;
            continue;
        }
        PyObject *empty = PyUnicode_FromStringAndSize("", 0);
        if (empty == NULL)
            return -1;
        Py_SETREF(path->key, empty);
        at++;
    }
    path->from = end;
    return 0;
}

PyDoc_STRVAR(follow_doc, "json_path(stack, key, text, in_string) -> (key, from, in_string)\n\nWhat `JsonPath.follow` does "
                         "with a text: changes `stack`, gives the key, where the text is to be read again from, whether "
                         "a string is open.");

static PyObject *module_follow(PyObject *unused, PyObject *args)
{
    PyObject *stack, *key, *text;
    int in_string;
    if (!PyArg_ParseTuple(args, "O!USp", &PyList_Type, &stack, &key, &text, &in_string))
        return NULL;
    Path path = {.stack = stack, .key = Py_NewRef(key), .in_string = in_string};
    PyObject *given = NULL;
    if (follow(&path, (const uint8_t *)PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text)) == 0)
        given = Py_BuildValue("OnO", path.key, path.from, path.in_string ? Py_True : Py_False);
    Py_DECREF(path.key);
    return given;
}

#endif
