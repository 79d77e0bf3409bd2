/* What is written in place of a value: waf/sensitive/edits.py and, where grammars allow digits only, containers.py. */
#ifndef WAF_FINDER_CHANGES_H
#define WAF_FINDER_CHANGES_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_marks.h"
#include "_finder_terms.h"

/* Whether what stands behind a number ends it where the grammar allows digits only: containers._MEMBER_AFTER and _CODE_AFTER. */
static int ends_bare(const uint8_t *text, Py_ssize_t size, Py_ssize_t end, const char *behind)
{
    while (end < size && (text[end] == ' ' || text[end] == '\t'))
        end++;
    return end == size || memchr(behind, text[end], strlen(behind)) != NULL;
}

/* containers.is_bare_number for digits. */
static int is_bare(int rule, const uint8_t *text, Py_ssize_t size, Py_ssize_t start, Py_ssize_t end)
{
    if (rule == NO_RULE || (start > 0 && memchr("\"'`", text[start - 1], 3) != NULL))
        return 0;
    if (!ends_bare(text, size, end, rule == SCRIPT_RULE ? "\r\n,}]);+*/<>?&|:-" : "\r\n,}]"))
        return 0;
    Py_ssize_t low = start > 40 ? start - 40 : 0, at = start;
    if (rule != SCRIPT_RULE && at > low && text[at - 1] == '-')
        at--;
    for (; at > low && is_json_blank(text[at - 1]); at--)
        if (rule == JSON_RULE && text[at - 1] == '\n')
            return 1;
    if (at == low)
        return rule == JSON_RULE;
    if (rule == JSON_RULE)
        return memchr(":[,{", text[at - 1], 4) != NULL;
    if (rule == SCRIPT_RULE)
        return memchr("=:([,+*/<>?&|!;{-", text[at - 1], 17) != NULL ||
               (at - low >= 6 && memcmp(text + at - 6, "return", 6) == 0 && (at - low == 6 || !is_word(text[at - 7])));
    if (text[--at] != ':')
        return 0;
    while (at > low && (text[at - 1] == ' ' || text[at - 1] == '\t'))
        at--;
    return at > low && (text[at - 1] == '"' || text[at - 1] == '\'');
}

/* window.Window.container for digits in mark-up: within a script it has a grammar of its own. Places ascend. */
static int rule_at(Settled *settled, const Terms *terms, Py_ssize_t start, Py_ssize_t end)
{
    const uint8_t *text = terms->text;
    if (terms->rule != HTML_RULE || (start > 0 && text[start - 1] == '>' && end < terms->text_size && text[end] == '<'))
        return terms->rule == HTML_RULE ? MEMBER_RULE : terms->rule;
    for (;;) {
        const uint8_t *tag = settled->tags_at < start ? memchr(text + settled->tags_at, '<', (size_t)(start - settled->tags_at)) : NULL;
        if (tag == NULL)
            break;
        int closes = terms->text_size - (tag - text) > 1 && tag[1] == '/';
        settled->tags_at = tag - text + 1;
        if (terms->text_size - settled->tags_at >= 6 + closes && memcmp(tag + 1 + closes, "script", 6) == 0)
            settled->script = !closes;
    }
    if (settled->tags_at < start)
        settled->tags_at = start;
    return settled->script ? SCRIPT_RULE : MEMBER_RULE;
}

static int note_change(Settled *settled, Change change)
{
    Change *changes = more_room(settled->changes, settled->changes_count, &settled->changes_room, sizeof *changes);
    if (changes == NULL)
        return -1;
    settled->changes = changes;
    changes[settled->changes_count++] = change;
    return 0;
}

/* edits.applied to what of the body stands in [low, high); takes nothing. */
static PyObject *changed(Settled *settled, PyObject *raw, Py_ssize_t low, Py_ssize_t high)
{
    const char *old = PyBytes_AS_STRING(raw);
    Py_ssize_t made = 0, done = low;
    if (settled->changes_count == 0 && low == 0 && high == PyBytes_GET_SIZE(raw))
        return Py_NewRef(raw);
    for (size_t i = 0; i < settled->changes_count; i++) {
        Change *change = &settled->changes[i];
        if (change->start > done)
            made += change->start - done;
        made += change->text == NULL ? change->end - change->start : PyBytes_GET_SIZE(change->text);
        done = change->end;
    }
    made += high > done ? high - done : 0;
    PyObject *out = PyBytes_FromStringAndSize(NULL, made);
    if (out == NULL || made == 0)
        return out;
    char *at = PyBytes_AS_STRING(out);
    done = low;
    for (size_t i = 0; i < settled->changes_count; i++) {
        Change *change = &settled->changes[i];
        if (change->start > done) {
            memcpy(at, old + done, (size_t)(change->start - done));
            at += change->start - done;
        }
        if (change->text == NULL) {
            Py_ssize_t length = change->end - change->start;
            memcpy(at, old + change->start, (size_t)length);
            mask((uint8_t *)at, length, change->form->mask, change->form->first, change->form->last);
            at += length;
        }
        else {
            memcpy(at, PyBytes_AS_STRING(change->text), (size_t)PyBytes_GET_SIZE(change->text));
            at += PyBytes_GET_SIZE(change->text);
        }
        done = change->end;
    }
    if (high > done)
        memcpy(at, old + done, (size_t)(high - done));
    return out;
}

/* views.spelled into `out`, which holds as many bytes as `piece`; 0 where it takes more or fewer. */
static int spelled(const uint8_t *piece, Py_ssize_t size, uint8_t byte, uint8_t *out)
{
    char room[LONGEST_UNIT + 4];
    int made = 0;
    if (size == 1) {
        *out = byte;
        return 1;
    }
    if (piece[0] == '\\' && (piece[1] == 'u' || piece[1] == 'x'))
        made = snprintf(room, sizeof room, piece[1] == 'u' ? "\\u%04x" : "\\x%02x", byte);
    else if (piece[0] == '%')
        made = snprintf(room, sizeof room, "%%%02X", byte);
    else if (piece[0] == '&' && piece[1] == '#' && (piece[2] == 'x' || piece[2] == 'X'))
        made = snprintf(room, sizeof room, "&#%c%0*x;", piece[2], (int)size - 4, byte);
    else if (piece[0] == '&' && piece[1] == '#')
        made = snprintf(room, sizeof room, "&#%0*d;", (int)size - 3, byte);
    else {
        memset(out, byte, (size_t)size);
        return 1;
    }
    if (made != size)
        return 0;
    memcpy(out, room, (size_t)size);
    return 1;
}

/* views.over: `value` written over what spells the text from `start` on; 0 where it does not fit, -1 with an exception. */
static int write_over(View *view, Py_ssize_t start, const uint8_t *value, Py_ssize_t size, uint8_t *out)
{
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(view->text), *raw = (const uint8_t *)PyBytes_AS_STRING(view->raw);
    if (map_units(view) < 0)
        return -1;
    for (Py_ssize_t i = 0; i < size; i++) {
        Py_ssize_t from, upto;
        view_at(view, start + i, &from, &upto);
        if (value[i] == text[start + i])
            memcpy(out, raw + from, (size_t)(upto - from));
        else if (!spelled(raw + from, upto - from, value[i], out))
            return 0;
        out += upto - from;
    }
    return 1;
}

/* What masks a value that is spelled by [from, upto), of which all before `first` has gone: 1 and bytes; 0 where it does not fit, -1 with
 * an exception. */
static int masked_text(const Terms *terms, const Found *found, Py_ssize_t from, Py_ssize_t upto, Py_ssize_t first, int bare,
                       PyObject **out)
{
    Py_ssize_t size = found->end - found->start;
    uint8_t room[LONGEST_KEPT], *value = size > LONGEST_KEPT ? PyMem_Malloc((size_t)size) : room;
    PyObject *text = value == NULL ? NULL : PyBytes_FromStringAndSize(NULL, upto - from);
    int fits = -1;
    if (value == NULL)
        PyErr_NoMemory();
    else if (text != NULL) {
        memcpy(value, terms->text + found->start, (size_t)size);
        mask(value, size, found->form->mask, found->form->first, found->form->last);
        for (Py_ssize_t i = 0; bare && i < size; i++)
            value[i] = value[i] == '*' ? '0' : value[i];
        if (bare && size > 1 && value[0] == '0')
            value[0] = '1';
        fits = write_over(terms->view, found->start, value, size, (uint8_t *)PyBytes_AS_STRING(text));
    }
    if (value != room)
        PyMem_Free(value);
    if (fits > 0 && first > from) {
        PyObject *rest = PyBytes_FromStringAndSize(PyBytes_AS_STRING(text) + (first - from), upto - first);
        Py_SETREF(text, rest);
        fits = rest == NULL ? -1 : 1;
    }
    if (fits > 0)
        *out = text;
    else
        Py_XDECREF(text);
    return fits;
}

/* find.Hit */
static PyObject *hit_of(Judge *self, const Found *found)
{
    PyObject *arguments[5] = {found->form->entity, PyLong_FromSsize_t(found->start), PyLong_FromSsize_t(found->end),
                              PyFloat_FromDouble(found->score), found->test ? Py_True : Py_False};
    PyObject *hit = NULL;
    if (arguments[1] != NULL && arguments[2] != NULL && arguments[3] != NULL)
        hit = PyObject_Vectorcall(self->hit, arguments, 5, NULL);
    Py_XDECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    Py_XDECREF(arguments[3]);
    return hit;
}

/* What `edit(hit, start, end, action)` gives; -1 with an exception. */
static int ask_edit(Judge *self, Settled *settled, PyObject *edit, const Found *found, Py_ssize_t start, Py_ssize_t end,
                    PyObject *action, Py_ssize_t size)
{
    PyObject *arguments[] = {hit_of(self, found), PyLong_FromSsize_t(start), PyLong_FromSsize_t(end), action};
    PyObject *given = NULL;
    Change change = {0};
    if (arguments[0] != NULL && arguments[1] != NULL && arguments[2] != NULL)
        given = PyObject_Vectorcall(edit, arguments, 4, NULL);
    Py_XDECREF(arguments[0]);
    Py_XDECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    if (given == NULL)
        return -1;
    int failed = number_at(given, self->start, &change.start) < 0 || number_at(given, self->end, &change.end) < 0;
    change.text = failed ? NULL : PyObject_GetAttr(given, self->text);
    Py_DECREF(given);
    if (change.text == NULL)
        return -1;
    if (!PyBytes_Check(change.text) || change.start < 0 || change.end < change.start || change.end > size) {
        PyErr_SetString(PyExc_ValueError, "not an edit of this body");
        Py_DECREF(change.text);
        return -1;
    }
    if (note_change(settled, change) < 0) {
        Py_DECREF(change.text);
        return -1;
    }
    return 0;
}

static int says(PyObject *action, const char *word)
{
    return PyUnicode_CompareWithASCIIString(action, word) == 0;
}

/* What takes a value's place; -1 with an exception. */
static int change_value(Judge *self, Settled *settled, const Terms *terms, const Found *found, Py_ssize_t from, Py_ssize_t upto,
                        Py_ssize_t first, PyObject *wanted)
{
    Py_ssize_t size = found->end - found->start;
    if (says(wanted, "mask")) {
        const uint8_t *value = terms->text + found->start;
        int bare = all_digits(value, size) && terms->rule != NO_RULE;
        if (bare)
            bare = is_bare(rule_at(settled, terms, found->start, found->end), terms->text, terms->text_size, found->start, found->end);
        if (!bare && first == from && upto - from == size && memcmp(value, terms->raw + from, (size_t)size) == 0)
            return note_change(settled, (Change){from, upto, NULL, found->form});
        Change change = {first, upto, NULL, found->form};
        int fits = masked_text(terms, found, from, upto, first, bare, &change.text);
        if (fits != 0) {
            if (fits > 0 && note_change(settled, change) < 0) {
                Py_DECREF(change.text);
                fits = -1;
            }
            return fits < 0 ? -1 : 0;
        }
    }
    return ask_edit(self, settled, terms->edit, found, first, upto, wanted, terms->raw_size);
}

#endif
