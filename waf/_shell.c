/* Where in a text a shell may begin a command, at the speed of C.
 *
 * The reference is waf/inspect/confirm/shell_starts.py, whose expressions are read here alternative by alternative; tests hold both
 * together for any bytes. Words are looked up in Python's tables. Linear in the text: of each place no more than LOOK bytes are read.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { LOOK = 256, LONGEST = 32 }; /* bytes of a command that are read, and of a word that a table may have */
enum {
    WHITE = 1,
    WORD = 2,
    LEAD = 4,      /* what may stand between a separator and a command */
    TOKEN = 8,     /* what names of commands are made of */
    ENDS = 16,     /* what ends a word */
    DISGUISE = 32, /* what is taken out of one */
    TARGET = 64,   /* a file of a redirection */
    SET = 128,     /* the value of a variable */
};

static uint8_t kind[256];

#include "_kinds.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static int is_letter(uint8_t c)
{
    c = lower(c);
    return c >= 'a' && c <= 'z';
}

/* Whether the table has the bytes in lower case; -1 with an exception. */
static int has(PyObject *table, const uint8_t *at, const uint8_t *end)
{
    char said[LONGEST];
    if (at == end || end - at > LONGEST)
        return 0;
    for (Py_ssize_t i = 0; i < end - at; i++)
        said[i] = (char)lower(at[i]);
    PyObject *word = PyBytes_FromStringAndSize(said, end - at);
    int found = word == NULL ? -1 : PySet_Contains(table, word);
    Py_XDECREF(word);
    return found;
}

/* -------------------------------------------------------------------------------------------------------- starts */

/* Behind one separator; NULL where there is none. */
static const uint8_t *separator(const uint8_t *at, const uint8_t *end)
{
    switch (*at) {
    case '$':
    case '<':
    case '>':
        return at_is(at + 1, end, '(') ? at + 2 : NULL;
    case '`':
    case '\n':
        return at + 1;
    case '\r':
        return at + 1 + at_is(at + 1, end, '\n');
    case '|':
        at += 1 + at_is(at + 1, end, '|');
        return at + at_is(at, end, '&');
    case '&':
        return at + 1 + at_is(at + 1, end, '&');
    case ';':
        while (at_is(at, end, ';'))
            at++;
        return at;
    case '{':
        if (is(at + 1, end, WHITE | WORD) || (at + 1 < end && at[1] && strchr("/$'\"", at[1]) != NULL))
            return at + 1;
        return NULL;
    default:
        return NULL;
    }
}

static const uint8_t *blanks_or_open(const uint8_t *at, const uint8_t *end)
{
    while (at < end && ((kind[*at] & WHITE) || *at == '('))
        at++;
    return at;
}

static const uint8_t *leading_word(const uint8_t *at, const uint8_t *end)
{
    static const char *const words[] = {"then", "do",   "else", "if",      "while",   "time", "exec", "eval",
                                        "nohup", "sudo", "env",  "command", "builtin", "call", "start"};
    const uint8_t *last = at, *behind;
    if (at_is(at, end, '@'))
        last = at + 1;
    else {
        char said[8];
        while (last < end && last - at < 8 && is_letter(*last)) {
            said[last - at] = (char)lower(*last);
            last++;
        }
        size_t length = (size_t)(last - at), i = 0, count = sizeof words / sizeof *words;
        while (i < count && !(strlen(words[i]) == length && memcmp(words[i], said, length) == 0))
            i++;
        if (i == count)
            return NULL;
        if (i == count - 1 && end - last > 2 && (kind[last[0]] & WHITE) && last[1] == '/' && (kind[last[2]] & WORD)) {
            behind = blanks_or_open(last + 3, end);
            if (behind > last + 3)
                return behind;
        }
    }
    behind = blanks_or_open(last, end);
    return behind > last ? behind : NULL;
}

static const uint8_t *redirection(const uint8_t *at, const uint8_t *end)
{
    if (at < end && *at >= '0' && *at <= '9')
        at++;
    if (!at_is(at, end, '<') && !at_is(at, end, '>'))
        return NULL;
    at++;
    at += at_is(at, end, '<') || at_is(at, end, '>');
    at += is(at, end, WHITE);
    const uint8_t *last = run(at, end, TARGET), *behind = run(last, end, WHITE);
    return last > at && last - at <= 64 && behind > last ? behind : NULL;
}

static const uint8_t *assignment(const uint8_t *at, const uint8_t *end)
{
    if (!is(at, end, WORD) || (*at >= '0' && *at <= '9'))
        return NULL;
    const uint8_t *last = run(at + 1, end, WORD);
    if (last - at > 17 || !at_is(last, end, '='))
        return NULL;
    at = last + 1;
    last = run(at, end, SET);
    const uint8_t *behind = last;
    while (behind < end && ((kind[*behind] & WHITE) || *behind == ';'))
        behind++;
    return last - at <= 64 && behind > last ? behind : NULL;
}

static const uint8_t *prefix(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *last = leading_word(at, end);
    if (last == NULL)
        last = redirection(at, end);
    return last != NULL ? last : assignment(at, end);
}

/* Behind the separators at `at`, as many as there are, and what may stand behind them. */
static const uint8_t *behind_separators(const uint8_t *at, const uint8_t *end)
{
    for (int i = 0; i < 64 && at < end; i++) {
        if ((*at == '$' || *at == '<' || *at == '>') && at_is(at + 1, end, '('))
            at += 2;
        else if (*at && strchr("`|&;\r\n{", *at) != NULL)
            at++;
        else
            break;
    }
    return run(at, end, LEAD);
}

/* Whether the command from `at` on has a "}", or reads one of the files that tell: "< /etc/passwd". */
static int tells(const uint8_t *at, const uint8_t *end, int brace)
{
    for (; at < end; at++) {
        switch (*at) {
        case ';':
        case '|':
        case '`':
        case '\r':
        case '\n':
        case ')':
            return 0;
        case '&':
            if (!(at + 1 < end && at[1] >= '0' && at[1] <= '9'))
                return 0;
            break;
        case '}':
            if (brace)
                return 1;
            break;
        case '<': {
            static const char *const files[] = {"/etc/passwd", "/etc/shadow", "/etc/group"};
            const uint8_t *file = at + 1;
            while (file - at <= 4 && is(file, end, WHITE))
                file++;
            for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
                size_t length = strlen(files[i]);
                if ((size_t)(end - file) >= length && memcmp(file, files[i], length) == 0) {
                    const uint8_t *line = at + 1; /* a line end within ends the command */
                    while (line < file && *line != '\n' && *line != '\r')
                        line++;
                    if (line == file)
                        return 1;
                }
            }
            break;
        }
        default:
            break;
        }
    }
    return 0;
}

/* See `is_idle`; -1 with an exception. */
static int is_idle(const uint8_t *at, const uint8_t *end, int substituted, PyObject *words, PyObject *verbs)
{
    if (end - at > LOOK)
        end = at + LOOK;
    const uint8_t *last = run(at, end, TOKEN), *verb = run(at, end, WORD);
    uint8_t sign = last < end ? *last : 0, behind = end - last > 1 ? last[1] : 0;
    int found;
    if (last == at && last < end && (sign == '+' || sign == '/' || sign == '%' || (sign == '<' && substituted)))
        return 0;
    if (at_is(at, end, '.') || is(last, end, DISGUISE) || (sign == '%' && behind == 'P'))
        return 0;
    if (last - at == 1 && sign == ':' && (behind == '\\' || behind == '/'))
        return 0;
    if ((found = has(verbs, at, verb)) != 0 || (verb < last && (found = has(verbs, at, verb + 1)) != 0))
        return found < 0 ? -1 : 0;
    if (last == end || (kind[sign] & ENDS)) {
        found = has(words, at, last);
        if (found == 0 && last - at > 4 && last[-4] == '.' && lower(last[-3]) == 'e' && lower(last[-2]) == 'x'
            && lower(last[-1]) == 'e')
            found = has(words, at, last - 4);
        if (found != 0)
            return found < 0 ? -1 : 0;
    }
    return !tells(at, end, sign == ',');
}

static int append(PyObject *list, Py_ssize_t begin, Py_ssize_t end)
{
    PyObject *place = Py_BuildValue("(nn)", begin, end);
    int failed = place == NULL ? -1 : PyList_Append(list, place);
    Py_XDECREF(place);
    return failed;
}

PyDoc_STRVAR(starts_doc,
             "starts(value, begin, end, most, words, verbs) -> list[tuple[int, int]]\n\n"
             "Of the first `most` places within the bounds where a command may begin those that are not idle.");

static PyObject *starts(PyObject *unused, PyObject *args)
{
    PyObject *value, *words, *verbs;
    Py_ssize_t begin, stop, most;
    if (!PyArg_ParseTuple(args, "SnnnOO", &value, &begin, &stop, &most, &words, &verbs))
        return NULL;
    if (!PyAnySet_Check(words) || !PyAnySet_Check(verbs)) {
        PyErr_SetString(PyExc_TypeError, "starts takes two sets");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(value), *end = text + PyBytes_GET_SIZE(value);
    Py_ssize_t size = PyBytes_GET_SIZE(value);
    stop = stop < 0 ? 0 : stop > size ? size : stop;
    begin = begin < 0 ? 0 : begin > stop ? stop : begin;
    const uint8_t *at = text + begin, *last = text + stop;
    PyObject *found = PyList_New(0);
    while (found != NULL && at < last && most > 0) {
        const uint8_t *behind = separator(at, last), *plain;
        if (behind == NULL) {
            at++;
            continue;
        }
        behind = run(behind, last, LEAD);
        for (int i = 0; i < 3; i++) {
            const uint8_t *further = prefix(behind, last);
            if (further == NULL)
                break;
            behind = further;
        }
        if (end - behind >= 6 && memcmp(behind, "$($($(", 6) == 0) { /* what is in there is judged */
            at = behind;
            continue;
        }
        most--;
        int idle = is_idle(behind, end, *at == '$', words, verbs);
        plain = behind_separators(at, end);
        if (idle > 0 && plain != behind)
            idle = is_idle(plain, end, *at == '$', words, verbs);
        if (idle < 0 || (idle == 0 && append(found, at - text, behind - text) < 0))
            Py_CLEAR(found);
        at = behind;
    }
    return found;
}

/* -------------------------------------------------------------------------------------------------------- probes */

static int begins(const uint8_t *at, const uint8_t *end, const char *with)
{
    size_t length = strlen(with);
    return (size_t)(end - at) >= length && memcmp(at, with, length) == 0;
}

PyDoc_STRVAR(probes_doc,
             "probes(value, end, most, words) -> list[tuple[int, int]]\n\n"
             "Of the first `most` separators before a word those behind which one of the words stands, or a program's path.");

static PyObject *probes(PyObject *unused, PyObject *args)
{
    PyObject *value, *words;
    Py_ssize_t stop, most;
    if (!PyArg_ParseTuple(args, "SnnO", &value, &stop, &most, &words))
        return NULL;
    if (!PyAnySet_Check(words)) {
        PyErr_SetString(PyExc_TypeError, "probes takes a set");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(value), *end = text + PyBytes_GET_SIZE(value);
    stop = stop < 0 ? 0 : stop > end - text ? end - text : stop;
    const uint8_t *at = text, *last = text + stop;
    PyObject *found = PyList_New(0);
    while (found != NULL && at < last && most > 0) {
        const uint8_t *behind;
        if (*at == ';')
            behind = at + 1;
        else if (*at == '|' || *at == '&')
            behind = at + 1 + at_is(at + 1, last, *at);
        else if (*at == '$' && at_is(at + 1, last, '('))
            behind = at + 2;
        else {
            at++;
            continue;
        }
        while (behind < last && (*behind == ' ' || *behind == '\t'))
            behind++;
        if (!(behind < last && ((*behind >= 'a' && *behind <= 'z') || *behind == '/'))) {
            at++;
            continue;
        }
        most--;
        int known;
        if (*behind == '/')
            known = begins(behind, end, "/bin/") || begins(behind, end, "/sbin/") || begins(behind, end, "/usr/");
        else { /* as it is: none of these words is read without case */
            const uint8_t *word = run(behind, end, WORD), *capital = behind;
            while (capital < word && !(*capital >= 'A' && *capital <= 'Z'))
                capital++;
            known = capital == word ? has(words, behind, word) : 0;
        }
        if (known < 0 || (known > 0 && append(found, at - text, behind - text) < 0))
            Py_CLEAR(found);
        at = behind;
    }
    return found;
}

static PyMethodDef methods[] = {
    {"starts", starts, METH_VARARGS, starts_doc},
    {"probes", probes, METH_VARARGS, probes_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._shell",
                                    PyDoc_STR("Where shells begin commands, in C; the reference is Python."), -1,
                                    methods, NULL, NULL, NULL, NULL};

static void mark(const char *characters, int as)
{
    for (; *characters; characters++)
        kind[(uint8_t)*characters] |= (uint8_t)as;
}

PyMODINIT_FUNC PyInit__shell(void)
{
    memset(kind, 0, sizeof kind);
    for (int c = 0; c < 128; c++)
        if (is_letter((uint8_t)c) || (c >= '0' && c <= '9') || c == '_')
            kind[c] |= WORD | TOKEN | TARGET | SET;
    mark(" \t\n\r\f\v", WHITE | LEAD | ENDS);
    mark("(!{", LEAD);
    kind[0] |= LEAD;
    mark(".-", TOKEN);
    mark(";|`)&<>#+", ENDS);
    mark("'\"^$\\", DISGUISE);
    mark("/.&-", TARGET);
    mark("/.:'\"$-", SET);
    return PyModule_Create(&module);
}
