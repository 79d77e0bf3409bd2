/* Candidates of sensitive values judged at the speed of C.
 *
 * `Judge.find` is waf/sensitive/find.py's loop over candidates: spans, edges, labels, words near a value, scores. What is
 * not arithmetic or a look at a few bytes stays where it was: validators without a twin here are called, and so is `re` for patterns
 * that programs.py does not translate. Each step does what the function of the same name in waf/sensitive does, which is
 * the reference; tests hold the two together.
 *
 * `Judge.screen` goes on to what waf/sensitive/stream.py does with the hits of a body, or of a piece of one: where each stands, what
 * policy wants, counts with their sketches, the body with its masks.
 *
 * Nothing is kept between calls but what was compiled. All reads are bounded by the text at hand; memory grows with the
 * candidates of the text alone.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "_finder_checks.h"
#include "_finder_fields.h"
#include "_finder_forms.h"
#include "_finder_marks.h"
#include "_finder_names.h"
#include "_finder_places.h"
#include "_finder_programs.h"
#include "_finder_reports.h"
#include "_finder_settle.h"
#include "_finder_text.h"
#include "_finder_views.h"

/* ------------------------------------------------------------------------------------------- numbers in a row */

typedef struct {
    const uint8_t *at;
    Py_ssize_t size;
    PyObject *bytes;
    uint8_t *ends; /* a bit for each place of the text where a value ended; NULL while there is none */
} Text;

static int ended(const Text *text, Py_ssize_t place)
{
    return text->ends != NULL && (text->ends[place >> 3] >> (place & 7) & 1);
}

/* readings.continues */
static int continues(const Text *text, Py_ssize_t start, Py_ssize_t end, int regroups)
{
    const uint8_t *at = text->at;
    if (start > 0 && (at[start - 1] == ' ' || at[start - 1] == '-') && !(start < text->size && at[start] == '+')) {
        uint8_t before = at[start - 1];
        if (before == '-' && start > 1 && is(at[start - 2], DIGIT))
            return 1;
        if (end > start && memchr(at + start, before, (size_t)(end - start)) != NULL && !ended(text, start - 1)) {
            Py_ssize_t low = start > 6 ? start - 6 : 0, first = start - 1;
            while (first > low && at[first - 1] != before)
                first--;
            Py_ssize_t size = start - 1 - first;
            int letters = 0;
            for (Py_ssize_t i = first; i < start - 1 && letters >= 0; i++)
                letters = is(at[i], DIGIT) ? letters : is(at[i], UPPER | LOWER) ? 1 : -1;
            if (size >= 4 && letters >= 0 && (letters == 0 || (size == 4 && is(at[start - 2], DIGIT))))
                return 1;
        }
    }
    if (regroups || end >= text->size)
        return 0;
    uint8_t behind = at[end];
    return (behind == ' ' || behind == '-') && end > start && memchr(at + start, behind, (size_t)(end - start)) != NULL &&
           text->size - end > 3 && all_digits(at + end + 1, 3);
}

/* readings.follows_group */
static int follows_group(const Text *text, Py_ssize_t start)
{
    if (start <= 0 || start > text->size || (text->at[start - 1] != ' ' && text->at[start - 1] != '-') ||
        ended(text, start - 1))
        return 0;
    Py_ssize_t low = start > 5 ? start - 5 : 0;
    return all_digits(text->at + low, start - 1 - low);
}

/* -------------------------------------------------------------------------------------------- one text's state */

typedef struct {
    Py_ssize_t start, end;
} Span;

/* What a led form's pattern matches at a place: candidates stand close together, and all that is around each is tried. */
typedef struct {
    Py_ssize_t at; /* the place and one more; 0: none */
    Py_ssize_t end; /* of the match; -1: there is none */
    Span value;
} Tried;

enum { TRIED = 128 }; /* places, of which there are LED_REACH before a candidate */

typedef struct {
    Span last; /* where the last value stands */
    Tried *tried;
} Led;

typedef struct {
    Py_ssize_t number, start, end;
} Reading;

/* What stood before a value; values of several forms at a few places take turns. */
typedef struct {
    Py_ssize_t at; /* the place and one more; 0: none */
    Py_ssize_t field;
    PyObject *label, *near;
    int decisive;
} Before;

enum { BEFORES = 16 };

typedef struct {
    Text text;
    Py_ssize_t floor;
    PyObject *field_at;
    Columns columns;
    Found *found;
    size_t count, room;
    Reading *judged; /* an open table; `number` -1 is free */
    size_t judged_size, judged_used;
    Py_ssize_t retries;
    /* what stands before the value at `around` */
    Py_ssize_t around, field;
    PyObject *label; /* NULL: not known yet */
    int decisive;    /* -1: not known yet */
    int lacking;     /* no word speaks for the led value that was judged last, and no label was asked */
    PyObject *near;  /* NULL: not known yet */
    Before before[BEFORES]; /* other places, by their last bits */
    Py_ssize_t last_end;
    int overlap;
    const Form *walker; /* whose run of a value without bounds was walked last: no run is walked for each value in it */
    Py_ssize_t walk_start, walk_end;
    Led *led; /* of each form; NULL while no candidate was of a led one */
    Py_ssize_t forms;
} Search;

static int grow_judged(Search *search)
{
    size_t size = search->judged_size ? search->judged_size * 2 : 64;
    Reading *table = PyMem_Malloc(size * sizeof *table);
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < size; i++)
        table[i].number = -1;
    for (size_t i = 0; i < search->judged_size; i++) {
        Reading *old = &search->judged[i];
        if (old->number < 0)
            continue;
        size_t slot = ((size_t)old->start * 31 + (size_t)old->end * 7 + (size_t)old->number * 131) & (size - 1);
        while (table[slot].number >= 0)
            slot = (slot + 1) & (size - 1);
        table[slot] = *old;
    }
    PyMem_Free(search->judged);
    search->judged = table;
    search->judged_size = size;
    return 0;
}

/* 1 if the reading is new, 0 if it was judged before, -1 with an exception. */
static int note_judged(Search *search, Py_ssize_t number, Py_ssize_t start, Py_ssize_t end)
{
    if (search->judged_used * 2 >= search->judged_size && grow_judged(search) < 0)
        return -1;
    size_t mask = search->judged_size - 1;
    size_t slot = ((size_t)start * 31 + (size_t)end * 7 + (size_t)number * 131) & mask;
    for (; search->judged[slot].number >= 0; slot = (slot + 1) & mask) {
        Reading *known = &search->judged[slot];
        if (known->start == start && known->end == end && known->number == number)
            return 0;
    }
    search->judged[slot] = (Reading){number, start, end};
    search->judged_used++;
    return 1;
}

static int note_end(Search *search, Py_ssize_t place)
{
    Text *text = &search->text;
    if (text->ends == NULL) {
        text->ends = PyMem_Calloc((size_t)(text->size >> 3) + 1, 1);
        if (text->ends == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    text->ends[place >> 3] |= (uint8_t)(1 << (place & 7));
    return 0;
}

static int stand_before(Search *search, Py_ssize_t start)
{
    if (search->around == start)
        return 0;
    if (search->around >= 0) {
        Before *kept = &search->before[search->around % BEFORES];
        Py_XDECREF(kept->label);
        Py_XDECREF(kept->near);
        *kept = (Before){search->around + 1, search->field, search->label, search->near, search->decisive};
    }
    Before *known = &search->before[start % BEFORES];
    int again = known->at == start + 1;
    search->around = start;
    search->field = again ? known->field : 0;
    search->label = again ? known->label : NULL;
    search->near = again ? known->near : NULL;
    search->decisive = again ? known->decisive : -1;
    if (again) {
        *known = (Before){0, 0, NULL, NULL, 0};
        return 0;
    }
    if (search->field_at == Py_None)
        return 0;
    if (search->columns.separator) {
        Columns *columns = &search->columns;
        go_to(columns, search->text.at, start);
        search->field = cell_begins(&columns->now);
        if (columns->now.column < PyTuple_GET_SIZE(columns->labels))
            search->label = Py_NewRef(PyTuple_GET_ITEM(columns->labels, columns->now.column));
        else
            search->label = PyBytes_FromStringAndSize("", 0);
        if (search->label != NULL && !PyBytes_Check(search->label)) {
            PyErr_SetString(PyExc_TypeError, "a label is bytes");
            Py_CLEAR(search->label);
        }
        return search->label == NULL ? -1 : 0;
    }
    PyObject *place = PyLong_FromSsize_t(start);
    if (place == NULL)
        return -1;
    PyObject *arguments[] = {search->text.bytes, place};
    PyObject *pair = PyObject_Vectorcall(search->field_at, arguments, 2, NULL);
    Py_DECREF(place);
    if (pair == NULL)
        return -1;
    int bad = !PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2 ||
              !(PyTuple_GET_ITEM(pair, 0) == Py_None || PyBytes_Check(PyTuple_GET_ITEM(pair, 0)));
    if (bad)
        PyErr_SetString(PyExc_TypeError, "a field is its name or None, and where it begins");
    else {
        if (PyTuple_GET_ITEM(pair, 0) != Py_None)
            search->label = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
        search->field = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 1));
        bad = search->field == -1 && PyErr_Occurred();
    }
    Py_DECREF(pair);
    return bad ? -1 : 0;
}

static int know_label(Search *search)
{
    if (search->label == NULL) {
        Run run = label_before(search->text.at, search->around);
        search->label = PyBytes_FromStringAndSize((const char *)run.at, run.size);
    }
    return search->label == NULL ? -1 : 0;
}

static int know_near(Search *search)
{
    if (search->near != NULL)
        return 0;
    /* The label matters only where a comma might part two members; to know it is cheap. */
    if (know_label(search) < 0)
        return -1;
    uint8_t out[2 * (NEAR + 8)];
    Py_ssize_t size = words_near(search->text.at, search->around, search->field, PyBytes_GET_SIZE(search->label) > 0, out);
    search->near = PyBytes_FromStringAndSize((const char *)out, size);
    return search->near == NULL ? -1 : 0;
}

/* context.is_decisive */
static int is_decisive(Judge *self, PyObject *label)
{
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(label);
    Py_ssize_t size = PyBytes_GET_SIZE(label), first = 0;
    if (size == 0)
        return 0;
    for (Py_ssize_t i = size; i-- > 0;)
        if (at[i] == '.' || at[i] == ':') {
            first = i + 1;
            break;
        }
    /* `rpartition(".")` comes before `rpartition(":")`: the last of either is where both end. */
    while (first < size && memchr("[]$_-", at[first], 5) != NULL)
        first++;
    while (size > first && memchr("[]$_-", at[size - 1], 5) != NULL)
        size--;
    uint8_t word[32];
    if (size - first > (Py_ssize_t)sizeof word)
        return 1; /* longer than any word that says nothing */
    for (Py_ssize_t i = first; i < size; i++)
        word[i - first] = lower(at[i]);
    PyObject *last = PyBytes_FromStringAndSize((const char *)word, size - first);
    if (last == NULL)
        return -1;
    int known = PySet_Contains(self->quiet, last);
    if (known == 0)
        known = PySet_Contains(self->elements, last);
    Py_DECREF(last);
    return known < 0 ? -1 : !known;
}

/* Whether a word's pattern is anywhere in `near`. */
static int speaks(const Pattern *pattern, const Beginnings *words, PyObject *near)
{
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(near);
    Py_ssize_t size = PyBytes_GET_SIZE(near), end;
    if (!begins_here(words, at, size))
        return 0;
    if (pattern->program.code != NULL) {
        Running run;
        if (!words->holds)
            return run_from(&pattern->program, &run, at, size, 0, &end) >= 0;
        for (Py_ssize_t i = 0; (i = beginning(words, at, size, i)) >= 0; i++)
            if (run_at(&pattern->program, &run, at, size, i) >= 0)
                return 1;
        return 0;
    }
    PyObject *match = PyObject_CallOneArg(pattern->call, near);
    if (match == NULL)
        return -1;
    Py_DECREF(match);
    return match != Py_None;
}

/* find._last: where the last match of a word's pattern ends; -1 for none. */
static Py_ssize_t last_end(const Pattern *pattern, const Beginnings *words, const uint8_t *at, Py_ssize_t size)
{
    Py_ssize_t last = -1, from = 0, end;
    if (pattern->call == NULL || !begins_here(words, at, size))
        return -1;
    Running run;
    while (from <= size && run_from(&pattern->program, &run, at, size, from, &end) >= 0)
        from = last = end; /* none matches nothing */
    return last;
}

/* find._said, where all of it can be told here; UNSURE where it cannot. */
static double said_here(const Form *form, PyObject *label)
{
    uint8_t words[2 * LOOK_BEHIND];
    Py_ssize_t size = PyBytes_GET_SIZE(label);
    if (size > LOOK_BEHIND || (form->context.call != NULL && form->context.program.code == NULL) ||
        (form->negative.call != NULL && form->negative.program.code == NULL))
        return UNSURE;
    size = plain_words((const uint8_t *)PyBytes_AS_STRING(label), size, words);
    Py_ssize_t said = last_end(&form->context, &form->context_words, words, size);
    Py_ssize_t denied = last_end(&form->negative, &form->denied_words, words, size);
    return denied > said ? -NEGATIVE : said >= 0 ? CONTEXT : form->led ? LACKING : 0.0;
}

/* find._weigh; -1 with an exception. */
static int weigh(Judge *self, Form *form, Search *search, double *weight)
{
    if (know_label(search) < 0)
        return -1;
    if (search->decisive < 0 && (search->decisive = is_decisive(self, search->label)) < 0)
        return -1;
    if (search->decisive) {
        if ((*weight = said_here(form, search->label)) != UNSURE)
            return 0;
        PyObject *said = PyDict_GetItemWithError(form->said, search->label); /* borrowed */
        PyObject *asked = NULL;
        if (said == NULL) {
            if (PyErr_Occurred())
                return -1;
            PyObject *arguments[] = {form->form, search->label};
            said = asked = PyObject_Vectorcall(self->say, arguments, 2, NULL);
            if (said == NULL)
                return -1;
        }
        *weight = PyFloat_AsDouble(said);
        Py_XDECREF(asked);
        return *weight == -1.0 && PyErr_Occurred() ? -1 : 0;
    }
    *weight = LACKING;
    if (form->labelled)
        return 0;
    int speaking;
    if (form->denied.call != NULL) {
        if (know_near(search) < 0 || (speaking = speaks(&form->denied, &form->denied_words, search->near)) < 0)
            return -1;
        if (speaking) {
            *weight = -NEGATIVE;
            return 0;
        }
    }
    *weight = 0.0;
    if (form->context.call == NULL || !(form->led || form->confidence < ACT))
        return 0;
    if (know_near(search) < 0 || (speaking = speaks(&form->context, &form->context_words, search->near)) < 0)
        return -1;
    *weight = speaking ? CONTEXT : form->led ? LACKING : 0.0;
    return 0;
}

/* `form.validate(value)`; what it raises of ValueError, IndexError, KeyError is 0.0. -1 with any other exception. */
static int validated(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end, double *factor)
{
    const uint8_t *at = search->text.at + start;
    if (form->check != NULL) {
        *factor = form->check(at, end - start);
        if (*factor == UNSURE && form->check == email)
            *factor = at_home(at, end - start, self->domains);
        else if (*factor == UNSURE && form->check == iban && end - start <= MOST_VALUE)
            *factor = structured(at, end - start, self->structures);
        if (*factor != UNSURE)
            return *factor < 0.0 ? -1 : 0;
    }
    PyObject *value = PyBytes_FromStringAndSize((const char *)at, end - start);
    if (value == NULL)
        return -1;
    PyObject *given = PyObject_CallOneArg(form->validate, value);
    Py_DECREF(value);
    if (given != NULL) {
        *factor = PyFloat_AsDouble(given);
        Py_DECREF(given);
        return *factor == -1.0 && PyErr_Occurred() ? -1 : 0;
    }
    if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_IndexError) ||
        PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        *factor = 0.0;
        return 0;
    }
    return -1;
}

/* `_plain(value) in entity.tests` */
static int is_test(Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    if (PySet_GET_SIZE(form->tests) == 0)
        return 0;
    PyObject *value = PyBytes_FromStringAndSize(NULL, end - start);
    if (value == NULL)
        return -1;
    char *at = PyBytes_AS_STRING(value);
    Py_ssize_t made = 0;
    for (Py_ssize_t i = start; i < end; i++) {
        uint8_t byte = search->text.at[i];
        if (memchr(" -./()", byte, 6) == NULL)
            at[made++] = (char)(byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
    }
    if (made != end - start && _PyBytes_Resize(&value, made) < 0)
        return -1;
    int known = PySet_Contains(form->tests, value);
    Py_DECREF(value);
    return known;
}

/* The span of a match's group; -1 with an exception. Takes the match. */
static int span_of(Judge *self, PyObject *match, int group, Py_ssize_t *start, Py_ssize_t *end)
{
    PyObject *number = PyLong_FromLong(group);
    PyObject *pair = number == NULL ? NULL : PyObject_CallMethodOneArg(match, self->span, number);
    Py_XDECREF(number);
    Py_DECREF(match);
    if (pair == NULL)
        return -1;
    int bad = !PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2;
    if (bad)
        PyErr_SetString(PyExc_TypeError, "a span is a pair");
    else {
        *start = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 0));
        *end = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 1));
        bad = PyErr_Occurred() != NULL;
    }
    Py_DECREF(pair);
    return bad ? -1 : 0;
}

/* A bound method of a pattern, over the text from one place on, and up to another unless that is negative. */
static PyObject *run(PyObject *method, Search *search, Py_ssize_t from, Py_ssize_t upto)
{
    PyObject *arguments[3] = {search->text.bytes, PyLong_FromSsize_t(from), NULL};
    if (arguments[1] == NULL)
        return NULL;
    size_t count = 2;
    if (upto >= 0) {
        arguments[2] = PyLong_FromSsize_t(upto);
        if (arguments[2] == NULL) {
            Py_DECREF(arguments[1]);
            return NULL;
        }
        count = 3;
    }
    PyObject *match = PyObject_Vectorcall(method, arguments, count, NULL);
    Py_DECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    return match;
}

/* `pattern` at `from`, or from there on where it is looked for: 1 if it matches, 0 if not, -1 with an exception. What lies at or
 * behind `upto` is not there, unless that is negative. */
static int matches(Judge *self, const Pattern *pattern, int anywhere, Search *search, Py_ssize_t from, Py_ssize_t upto,
                   int group, Span *whole, Span *value)
{
    if (pattern->program.code != NULL) {
        Running run;
        Py_ssize_t end = upto < 0 || upto > search->text.size ? search->text.size : upto;
        if (from > end)
            return 0;
        whole->start = from;
        /* Most of what is tried is too short, or begins with something else. */
        if (!anywhere && !may_begin(&pattern->program, search->text.at, end, from))
            return 0;
        if (anywhere)
            whole->start = run_from(&pattern->program, &run, search->text.at, end, from, &whole->end);
        else
            whole->end = run_at(&pattern->program, &run, search->text.at, end, from);
        if (whole->start < 0 || whole->end < 0)
            return 0;
        *value = group ? (Span){run.slots[0], run.slots[1]} : *whole;
        return 1;
    }
    PyObject *match = run(pattern->call, search, from, upto);
    if (match == NULL)
        return -1;
    if (match == Py_None) {
        Py_DECREF(match);
        return 0;
    }
    Py_INCREF(match);
    if (span_of(self, match, 0, &whole->start, &whole->end) < 0) {
        Py_DECREF(match);
        return -1;
    }
    return span_of(self, match, group, &value->start, &value->end) < 0 ? -1 : 1;
}

static int note_found(Search *search, Form *form, Py_ssize_t start, Py_ssize_t end, double score, int test)
{
    Found *more = more_room(search->found, search->count, &search->room, sizeof *more);
    if (more == NULL)
        return -1;
    search->found = more;
    more[search->count] = (Found){start, end, (Py_ssize_t)search->count, score < 1.0 ? score : 1.0, form, test};
    search->count++;
    search->overlap |= start < search->last_end;
    if (end > search->last_end)
        search->last_end = end;
    return 0;
}

/* find._judge: 1 if a hit was added, 0 if not, -1 with an exception. */
static int judge(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    double score = form->confidence, weight, factor;
    if (form->led) {
        if (weigh(self, form, search, &weight) < 0)
            return -1;
        score += weight;
        search->lacking = weight == LACKING && !search->decisive;
        if (score < REPORT - 1e-9)
            return 0;
    }
    if (form->validate != NULL) {
        if (validated(self, form, search, start, end, &factor) < 0)
            return -1;
        if (factor <= 0)
            return 0;
        score -= form->confidence * (1 - factor);
    }
    if (!form->led) {
        if (weigh(self, form, search, &weight) < 0)
            return -1;
        score += self->strict && weight == -NEGATIVE ? 0.0 : weight;
    }
    if (score < REPORT - 1e-9)
        return 0;
    int test = is_test(form, search, start, end);
    if (test < 0)
        return -1;
    if (form->endless.call != NULL) {
        if (search->walker != form || end < search->walk_start || end > search->walk_end) {
            Span whole, tail;
            int more = matches(self, &form->endless, 0, search, end, -1, 0, &whole, &tail);
            if (more < 0)
                return -1;
            search->walker = form;
            search->walk_start = end;
            search->walk_end = more ? tail.end : end;
        }
        end = search->walk_end;
    }
    return note_found(search, form, start, end, score, test) < 0 ? -1 : 1;
}

/* One reading of a candidate: 1 if it is a hit, 0 if not, -1 with an exception. */
static int try_reading(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    if (start < 0 || end < start || end > search->text.size) { /* a group that took no part in the match */
        return 0;
    }
    if (end <= search->floor)
        return 0;
    int fresh = note_judged(search, form - self->forms, start, end);
    if (fresh <= 0)
        return fresh;
    if (stand_before(search, start) < 0)
        return -1;
    if (form->numeric && continues(&search->text, start, end, form->regroups))
        return 0;
    int hit = judge(self, form, search, start, end);
    if (hit > 0 && note_end(search, end) < 0)
        return -1;
    return hit;
}

/* readings._shorter, each run tried at once. */
static int try_shorter(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    const uint8_t *at = search->text.at;
    if (end > search->text.size)
        end = search->text.size;
    Py_ssize_t cuts[MOST_CUTS + 2], count = 1;
    cuts[0] = -1;
    for (Py_ssize_t i = start; i < end && count <= MOST_CUTS; i++)
        if (at[i] == ' ' || at[i] == '-')
            cuts[count++] = i - start;
    if (count == 1)
        return 0;
    cuts[count] = end - start;
    for (Py_ssize_t first = 0; first < count; first++)
        for (Py_ssize_t last = count; last > 0; last--) {
            if (cuts[last] - cuts[first] <= 6 || (first == 0 && last == count))
                continue;
            Py_ssize_t upto = start + cuts[last];
            Span whole, value, behind;
            int fits = matches(self, &form->match, 0, search, start + cuts[first] + 1, upto, form->group, &whole, &value);
            if (fits > 0 && whole.end == upto)
                fits = matches(self, &form->after, 0, search, whole.end, -1, 0, &behind, &behind);
            else if (fits > 0)
                fits = 0;
            if (fits > 0) {
                search->retries++;
                fits = try_reading(self, form, search, value.start, value.end);
            }
            if (fits != 0)
                return fits;
        }
    return 0;
}

/* A led value, and its shorter readings: not where no word speaks for it, as none is nearer to what begins later in it. */
static int try_led(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end, int again)
{
    search->lacking = 0;
    int hit = try_reading(self, form, search, start, end);
    return hit != 0 || !again || search->lacking ? hit : try_shorter(self, form, search, start, end);
}

/* The same for a led form whose pattern only `re` runs. */
static int try_led_by_re(Judge *self, Form *form, Search *search, Py_ssize_t place, int again)
{
    Py_ssize_t start, end;
    PyObject *found = run(form->iterate.call, search, place > LED_REACH ? place - LED_REACH : 0, place + LED_REACH), *match;
    if (found == NULL)
        return -1;
    while ((match = PyIter_Next(found)) != NULL) {
        if (span_of(self, match, form->group, &start, &end) < 0) {
            Py_DECREF(found);
            return -1;
        }
        if (start < place && place <= end) {
            Py_DECREF(found);
            search->led[form - self->forms].last = (Span){start, end};
            return try_led(self, form, search, start, end, again);
        }
    }
    Py_DECREF(found);
    return PyErr_Occurred() ? -1 : 0;
}

/* The value that `place` is in, or ends; negative where there is none. */
static Span led_value(const Form *form, const Search *search, Tried *tried, Py_ssize_t place)
{
    const Program *program = &form->iterate.program;
    const uint8_t *text = search->text.at;
    Py_ssize_t high = place + LED_REACH < search->text.size ? place + LED_REACH : search->text.size;
    Py_ssize_t at = place > LED_REACH ? place - LED_REACH : 0;
    while (at < place && at + program->least <= high) {
        if (!in_set(program, program->first, text[at])) {
            at++;
            continue;
        }
        Tried *here = &tried[at % TRIED];
        if (here->at != at + 1) {
            Running run;
            Py_ssize_t end = run_at(program, &run, text, high, at);
            *here = (Tried){at + 1, end, form->group ? (Span){run.slots[0], run.slots[1]} : (Span){at, end}};
        }
        if (here->end >= 0 && here->value.start < place && place <= here->value.end)
            return here->value;
        at = here->end > at ? here->end : at + 1;
    }
    return (Span){-1, -1};
}

/* readings.form_spans, each span tried at once. */
static int try_candidate(Judge *self, Form *form, Search *search, Py_ssize_t place)
{
    int again = form->regroups && search->retries < MOST_RETRIES + search->text.size / RETRY_BYTES && !follows_group(&search->text, place);
    Span whole, value;
    int found;
    if (form->led) {
        if (search->led == NULL && (search->led = PyMem_Calloc((size_t)self->count, sizeof *search->led)) == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        search->forms = self->count;
        Led *led = &search->led[form - self->forms];
        if (led->last.start < place && place <= led->last.end)
            return 0; /* the engine tells of each place where a value may end, and one value is judged once */
        if (form->iterate.program.code == NULL)
            return try_led_by_re(self, form, search, place, again);
        if (led->tried == NULL && (led->tried = PyMem_Calloc(TRIED, sizeof *led->tried)) == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        value = led_value(form, search, led->tried, place);
        if (value.start < 0)
            return 0;
        led->last = value;
        return try_led(self, form, search, value.start, value.end, again);
    }
    if (is_run(&form->before.program))
        place = run_before(&form->before.program, search->text.at, place, place > 64 ? place - 64 : 0);
    else if (form->before.call != NULL) {
        found = matches(self, &form->before, 1, search, place > 64 ? place - 64 : 0, place, 0, &whole, &value);
        if (found < 0)
            return -1;
        place = found ? whole.start : place;
    }
    found = matches(self, &form->match, 0, search, place, -1, form->group, &whole, &value);
    if (found < 0)
        return -1;
    if (found) {
        int hit = try_reading(self, form, search, value.start, value.end);
        if (hit != 0)
            return hit;
    }
    Py_ssize_t end = found ? value.end : place;
    return again ? try_shorter(self, form, search, place, end > place + SHORTER ? end : place + SHORTER) : 0;
}

static int by_start(const void *one, const void *other)
{
    const Found *a = one, *b = other;
    if (a->start != b->start)
        return (a->start > b->start) - (a->start < b->start);
    return (a->order > b->order) - (a->order < b->order);
}

/* The surer first, then the longer, the earlier, by id. */
static int by_worth(const void *one, const void *other)
{
    const Found *a = one, *b = other;
    if (a->score != b->score)
        return (a->score < b->score) - (a->score > b->score);
    Py_ssize_t size_a = a->end - a->start, size_b = b->end - b->start;
    if (size_a != size_b)
        return (size_a < size_b) - (size_a > size_b);
    if (a->start != b->start)
        return (a->start > b->start) - (a->start < b->start);
    int ids = strcmp(a->form->id, b->form->id);
    return ids != 0 ? ids : (a->order > b->order) - (a->order < b->order);
}

/* find._surest: of hits that overlap, those that stay, in order, at the beginning of `cluster`. The others lose their form. */
static void surest(Found *cluster, size_t size, Found *kept)
{
    if (size < 2)
        return;
    for (size_t i = 0; i < size; i++)
        cluster[i].order = (Py_ssize_t)i;
    qsort(cluster, size, sizeof *cluster, by_worth);
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        size_t low = 0, high = count;
        while (low < high) { /* the first that begins at or behind the end of this one */
            size_t middle = (low + high) / 2;
            if (kept[middle].start < cluster[i].end)
                low = middle + 1;
            else
                high = middle;
        }
        if (low > 0 && kept[low - 1].end > cluster[i].start) {
            continue;
        }
        memmove(kept + low + 1, kept + low, (count - low) * sizeof *kept);
        kept[low] = cluster[i];
        count++;
    }
    memcpy(cluster, kept, count * sizeof *kept);
    for (size_t i = count; i < size; i++)
        cluster[i].form = NULL; /* moved to the front, or gone */
}

/* find.apart: what was found in order and without overlaps; -1 with an exception. */
static int set_apart(Search *search)
{
    Found *found = search->found;
    if (!search->overlap)
        return 0;
    Found *kept = PyMem_Malloc(search->count * sizeof *kept);
    if (kept == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    qsort(found, search->count, sizeof *found, by_start);
    for (size_t first = 0, next; first < search->count; first = next) {
        Py_ssize_t reach = found[first].end;
        for (next = first + 1; next < search->count && found[next].start < reach; next++)
            if (found[next].end > reach)
                reach = found[next].end;
        surest(found + first, next - first, kept);
    }
    PyMem_Free(kept);
    size_t count = 0;
    for (size_t i = 0; i < search->count; i++)
        if (found[i].form != NULL)
            found[count++] = found[i];
    search->count = count;
    return 0;
}

/* `search` over candidates; -1 with an exception. To be forgotten in either case. */
static int find_all(Judge *self, Search *search, Py_ssize_t ceiling, PyObject *candidates)
{
    if (PyTuple_Check(search->field_at) && read_columns(search->field_at, &search->columns) < 0)
        return -1;
    Py_ssize_t low = search->floor - LEAD_IN, high = ceiling < 0 ? search->text.size : ceiling;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(candidates); i++) {
        long long found = PyLong_AsLongLong(PyList_GET_ITEM(candidates, i));
        if (found < 0) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "not a candidate");
            return -1;
        }
        Py_ssize_t place = (Py_ssize_t)(found >> 16), number = (Py_ssize_t)(found & 0xffff);
        if (place < low || place > high || place > search->text.size || number >= self->count ||
            self->forms[number].entity == NULL)
            continue;
        if (try_candidate(self, &self->forms[number], search, place) < 0)
            return -1;
    }
    return set_apart(search);
}

static void forget_search(Search *search)
{
    PyMem_Free(search->judged);
    PyMem_Free(search->text.ends);
    PyMem_Free(search->found);
    for (Py_ssize_t i = 0; search->led != NULL && i < search->forms; i++)
        PyMem_Free(search->led[i].tried);
    PyMem_Free(search->led);
    Py_XDECREF(search->label);
    Py_XDECREF(search->near);
    for (int i = 0; i < BEFORES; i++) {
        Py_XDECREF(search->before[i].label);
        Py_XDECREF(search->before[i].near);
    }
}

static Search search_of(PyObject *text, PyObject *field_at)
{
    return (Search){.text = {(const uint8_t *)PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), text, NULL},
                    .field_at = field_at, .around = -1, .decisive = -1, .last_end = -1};
}

PyDoc_STRVAR(find_doc,
             "find(text, floor, ceiling, field_at, found) -> list\n\n"
             "`Finder.find` for candidates `found`, which are in order; `floor` and `ceiling` as there, `ceiling` negative "
             "for none. `field_at` may be the labels of a table's columns and its separator.");

static PyObject *judge_find(Judge *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 5 || !PyBytes_Check(args[0]) || !PyList_Check(args[4])) {
        PyErr_SetString(PyExc_TypeError, "find(text, floor, ceiling, field_at, found)");
        return NULL;
    }
    Search search = search_of(args[0], args[3]);
    search.floor = PyLong_AsSsize_t(args[1]);
    Py_ssize_t ceiling = PyLong_AsSsize_t(args[2]);
    if (PyErr_Occurred())
        return NULL;
    PyObject *hits = find_all(self, &search, ceiling, args[4]) < 0 ? NULL : PyList_New((Py_ssize_t)search.count);
    for (size_t i = 0; hits != NULL && i < search.count; i++) {
        PyObject *hit = hit_of(self, &search.found[i]);
        if (hit == NULL)
            Py_CLEAR(hits);
        else
            PyList_SET_ITEM(hits, (Py_ssize_t)i, hit);
    }
    forget_search(&search);
    return hits;
}

/* beside.settled_by: without what lacks the value that it must stand beside. */
static void leave_alone(Search *search)
{
    size_t count = 0;
    for (size_t i = 0; i < search->count; i++)
        if (search->found[i].form->beside[0])
            search->found[i].order = stands_by(search->found, search->count, i);
        else
            search->found[i].order = 1;
    for (size_t i = 0; i < search->count; i++)
        if (search->found[i].order)
            search->found[count++] = search->found[i];
    search->count = count;
}

#include "_finder_gather.h"

PyDoc_STRVAR(gather_doc,
             "gather(text, found, fields) -> list[tuple[int, Entity, bool, bool, int, set[bytes]]]\n\n"
             "`Finder.gathered` for candidates `found` in lines whose fields are told as by `json_lines` of waf._bodies.");

static PyObject *judge_gather(Judge *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3 || !PyBytes_Check(args[0]) || !PyList_Check(args[1]) || !PyBytes_Check(args[2])
        || PyBytes_GET_SIZE(args[2]) % (FIELD_NUMBERS * (Py_ssize_t)sizeof(int32_t))) {
        PyErr_SetString(PyExc_TypeError, "gather(text, found, fields)");
        return NULL;
    }
    Search search = search_of(args[0], Py_None);
    PyObject *told = NULL;
    if (find_all(self, &search, -1, args[1]) == 0) {
        leave_alone(&search);
        told = gather(&search, (const int32_t *)PyBytes_AS_STRING(args[2]),
                      PyBytes_GET_SIZE(args[2]) / (FIELD_NUMBERS * (Py_ssize_t)sizeof(int32_t)));
    }
    forget_search(&search);
    return told;
}

/* Whether a hit begins at `place`; those of `search` are in order. */
static int is_taken(const Search *search, size_t count, Py_ssize_t place)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (search->found[middle].start < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && search->found[low].start == place;
}

/* find._judge_cell; -1 with an exception. `numbers` are those of the forms. */
static int judge_cell(Judge *self, Search *search, PyObject *numbers, Py_ssize_t low, Py_ssize_t high)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(numbers); i++) {
        Py_ssize_t number = PyLong_AsSsize_t(PyTuple_GET_ITEM(numbers, i));
        if (number < 0 || number >= self->count || self->forms[number].entity == NULL ||
            self->forms[number].iterate.program.code == NULL) {
            PyErr_SetString(PyExc_ValueError, "not a form whose pattern is run here");
            return -1;
        }
        Form *form = &self->forms[number];
        Span whole, value;
        if (matches(self, &form->iterate, 1, search, low, high, form->group, &whole, &value) <= 0)
            continue;
        double score = form->confidence + CONTEXT, factor;
        if (form->validate != NULL) {
            if (validated(self, form, search, value.start, value.end, &factor) < 0)
                return -1;
            score = form->confidence * factor + CONTEXT;
        }
        if (score <= CONTEXT || score < REPORT - 1e-9)
            continue;
        int test = is_test(form, search, value.start, value.end);
        return test < 0 || note_found(search, form, value.start, value.end, score, test) < 0 ? -1 : 0;
    }
    return 0;
}

/* The cell that begins at `at`: where it ends, as cells.cells_of has it. */
static Py_ssize_t cell_end(const uint8_t *text, Py_ssize_t at, Py_ssize_t end, uint8_t separator)
{
    Py_ssize_t stop = at;
    if (at < end && text[at] == '"') {
        for (stop = at + 1; stop < end; stop++)
            if (text[stop] == '"') {
                if (stop + 1 < end && text[stop + 1] == '"')
                    stop++;
                else
                    break;
            }
    }
    const uint8_t *found = stop < end ? memchr(text + stop, separator, (size_t)(end - stop)) : NULL;
    return found != NULL ? found - text : end;
}

/* Finder.find_cells in the lines of [start, size) of the text, its hits taken among those of `search`; -1 with an exception.
 * `wanted` are pairs of a column and the numbers of forms. */
static int find_cells(Judge *self, Search *search, PyObject *wanted, Py_ssize_t start, Py_ssize_t size)
{
    const uint8_t *text = search->text.at;
    Py_ssize_t last = -1;
    uint8_t separator = search->columns.separator;
    if (start >= size)
        return 0;
    int quoted = memchr(text + start, '"', (size_t)(size - start)) != NULL;
    if (!quoted && start > 0 && text[start - 1] != '\n') { /* the reference looks for the beginnings of lines */
        const uint8_t *found = memchr(text + start, '\n', (size_t)(size - start));
        start = found != NULL ? found - text + 1 : size;
    }
    size_t hits = search->count;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(wanted); i++) {
        PyObject *pair = PyTuple_GET_ITEM(wanted, i);
        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2 || !PyLong_Check(PyTuple_GET_ITEM(pair, 0)) ||
            !PyTuple_Check(PyTuple_GET_ITEM(pair, 1))) {
            PyErr_SetString(PyExc_TypeError, "a column and its forms");
            return -1;
        }
    }
    for (Py_ssize_t line = start; line < size;) {
        const uint8_t *found = memchr(text + line, '\n', (size_t)(size - line));
        Py_ssize_t stop = found != NULL ? found - text : size, at = line, column = 0, low = line, high = -1;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(wanted); i++) {
            PyObject *pair = PyTuple_GET_ITEM(wanted, i);
            Py_ssize_t number = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 0));
            if (number < last)
                column = 0, at = line;
            last = number;
            for (high = -1; at <= stop; column++, at = high + 1) { /* columns come in order, mostly */
                low = at;
                high = cell_end(text, at, stop, separator);
                if (column == number)
                    break;
            }
            if (at > stop)
                break;
            if (quoted) {
                if (is_taken(search, hits, low) || is_taken(search, hits, low + 1))
                    continue;
            }
            else {
                const uint8_t *carriage = memchr(text + low, '\r', (size_t)(high - low));
                high = carriage != NULL ? carriage - text : high;
                if (high - low < 3 || is_taken(search, hits, low))
                    continue;
            }
            if (judge_cell(self, search, PyTuple_GET_ITEM(pair, 1), low, high) < 0)
                return -1;
        }
        line = stop + 1;
    }
    if (search->count == hits)
        return 0;
    for (size_t i = 0; i < search->count; i++)
        search->found[i].order = (Py_ssize_t)i;
    search->overlap = 1;
    return set_apart(search);
}

PyDoc_STRVAR(screen_doc,
             "screen(view, field_at, cells, found, named, names, orders, rule, enforce, edit, key, most, counts, piece)"
             " -> (bytes, bool) | (bytes, bool, int, path) | None\n\n"
             "The body that is viewed as policy lets it go on, and whether policy wants it changed; what is in it goes into `counts`: as "
             "`find` finds it, and `find_cells` where `field_at` is a table and `cells` are columns and the numbers of their forms, "
             "without what lacks a value that it must stand beside. `orders` are `action(entity, address)`, which decides, and what it "
             "decides for entities by id wherever they stand; `edit` gives what is not masked in place.\n\n"
             "`piece` is None for a whole body. Else it is (offset, limit, floor, ceiling, passed, flags, seen, lasting, where): all before "
             "`offset` has gone already, all before `limit` is to go, and of the text what ends behind `floor` and begins before `ceiling` "
             "matters; flags say by 1 that nothing follows, by 2 that there is a pause, by 4 that mark-up before was in a script; "
             "`passed` counts the bytes that have gone, `seen` holds where one of `lasting` was seen last, and `where` gives the path "
             "in a JSON body. Then what goes, how much of the body it stands for, and the path are given, too; None where the reference has "
             "to do it, before anything was counted.");

static PyObject *judge_screen(Judge *self, PyObject *const *args, Py_ssize_t nargs)
{
    Terms terms;
    if (nargs != 14 || !PyTuple_Check(args[2]) || !PyList_Check(args[3]) || (PyTuple_GET_SIZE(args[2]) && !PyTuple_Check(args[1]))) {
        PyErr_SetString(PyExc_TypeError, "screen(view, field_at, cells, found, named, names, orders, rule, enforce, edit, key, most, counts, piece)");
        return NULL;
    }
    if (read_terms(args[0], args + 4, &terms) < 0)
        return NULL;
    Search search = search_of(terms.view->text, args[1]);
    search.floor = terms.floor;
    PyObject *given = NULL;
    Py_ssize_t end = terms.text_size;
    int failed = find_all(self, &search, terms.ceiling, args[3]) < 0;
    if (!failed && PyTuple_GET_SIZE(args[2]) > 0) {
        if (terms.piece)
            failed = view_place(terms.view, terms.limit, &end) < 0;
        failed = failed || find_cells(self, &search, args[2], terms.floor, end) < 0;
    }
    if (!failed) {
        if (!terms.piece)
            leave_alone(&search);
        given = settle_found(self, &terms, search.found, search.count);
    }
    forget_search(&search);
    return given;
}

/* -------------------------------------------------------------------------------------------------- the type */

static int traverse_form(Form *form, visitproc visit, void *arg)
{
    Py_VISIT(form->entity);
    Py_VISIT(form->form);
    Py_VISIT(form->validate);
    Py_VISIT(form->match.call);
    Py_VISIT(form->iterate.call);
    Py_VISIT(form->before.call);
    Py_VISIT(form->after.call);
    Py_VISIT(form->endless.call);
    Py_VISIT(form->context.call);
    Py_VISIT(form->denied.call);
    Py_VISIT(form->negative.call);
    Py_VISIT(form->said);
    Py_VISIT(form->tests);
    return 0;
}

static int judge_traverse(Judge *self, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < self->count; i++) {
        int stopped = traverse_form(&self->forms[i], visit, arg);
        if (stopped)
            return stopped;
    }
    Py_VISIT(self->hit);
    Py_VISIT(self->count_type);
    Py_VISIT(self->say);
    Py_VISIT(self->quiet);
    Py_VISIT(self->elements);
    Py_VISIT(self->structures);
    Py_VISIT(self->domains);
    return 0;
}

static int judge_clear(Judge *self)
{
    Py_ssize_t count = self->count;
    self->count = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        Form *form = &self->forms[i];
        Py_CLEAR(form->entity);
        Py_CLEAR(form->form);
        Py_CLEAR(form->validate);
        Pattern *patterns[] = {&form->match,   &form->iterate, &form->before, &form->after,
                               &form->endless, &form->context, &form->denied, &form->negative};
        for (size_t k = 0; k < sizeof patterns / sizeof *patterns; k++) {
            Py_CLEAR(patterns[k]->call);
            Py_CLEAR(patterns[k]->program.bytes);
            patterns[k]->program.code = NULL;
        }
        Py_CLEAR(form->said);
        Py_CLEAR(form->tests);
    }
    Py_CLEAR(self->hit);
    Py_CLEAR(self->count_type);
    Py_CLEAR(self->say);
    Py_CLEAR(self->quiet);
    Py_CLEAR(self->elements);
    Py_CLEAR(self->structures);
    Py_CLEAR(self->domains);
    return 0;
}

static void judge_dealloc(Judge *self)
{
    PyObject_GC_UnTrack(self);
    judge_clear(self);
    Py_XDECREF(self->span);
    Py_XDECREF(self->entity);
    Py_XDECREF(self->start);
    Py_XDECREF(self->end);
    Py_XDECREF(self->score);
    Py_XDECREF(self->test);
    Py_XDECREF(self->text);
    Py_XDECREF(self->report);
    Py_XDECREF(self->elsewhere);
    Py_XDECREF(self->address);
    Py_XDECREF(self->action);
    Py_XDECREF(self->count_word);
    Py_XDECREF(self->sure);
    Py_XDECREF(self->registers);
    PyMem_Free(self->forms);
    PyMem_Free(self->entities);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* `object.name`, or NULL without an exception where it is None. */
static PyObject *taken(PyObject *object, const char *name, int *failed)
{
    PyObject *value = *failed ? NULL : PyObject_GetAttrString(object, name);
    if (value == NULL) {
        *failed = 1;
        return NULL;
    }
    if (value == Py_None)
        Py_CLEAR(value);
    return value;
}

/* The pattern `object.name`, used by its method `of`, and what of `programs` runs in its place. */
static void read_pattern(PyObject *object, const char *name, const char *of, PyObject *programs, Py_ssize_t number, int *failed,
                         Pattern *out)
{
    PyObject *pattern = taken(object, name, failed);
    if (pattern == NULL)
        return;
    out->call = PyObject_GetAttrString(pattern, of);
    Py_DECREF(pattern);
    *failed |= out->call == NULL || read_program(PyTuple_GET_ITEM(programs, number), &out->program) < 0;
    if (!*failed && out->program.code != NULL && strcmp(of, "match") != 0 && out->program.least < 1
        && !(strcmp(name, "before") == 0 && is_run(&out->program))) {
        PyErr_SetString(PyExc_ValueError, "what may match nothing is not looked for");
        *failed = 1;
    }
}

static int number_of(PyObject *object, const char *name, int *failed)
{
    PyObject *value = taken(object, name, failed);
    long number = value == NULL ? 0 : PyLong_AsLong(value);
    if (number == -1 && PyErr_Occurred())
        *failed = 1;
    Py_XDECREF(value);
    return (int)number;
}

/* `Form.hides` is (mask as a number, first, last); the entity keeps its id for us. */
static int read_mask(PyObject *object, PyObject *entity, Form *form)
{
    PyObject *hidden = PyObject_GetAttrString(object, "hides"), *id = PyObject_GetAttrString(entity, "id");
    PyObject *beside = PyObject_GetAttrString(entity, "beside");
    int failed = hidden == NULL || id == NULL || beside == NULL || !PyTuple_Check(hidden) ||
                 !PyArg_ParseTuple(hidden, "inn", &form->mask, &form->first, &form->last);
    if (!failed) {
        form->named = id; /* the entity keeps both */
        form->neighbour = beside;
        form->id = PyUnicode_AsUTF8(id); /* kept within the str */
        form->beside = PyUnicode_AsUTF8(beside);
        failed = form->id == NULL || form->beside == NULL;
    }
    if (!failed && (form->first < 0 || form->last < 0)) {
        PyErr_SetString(PyExc_ValueError, "not a mask");
        failed = 1;
    }
    Py_XDECREF(hidden);
    Py_XDECREF(id);
    Py_XDECREF(beside);
    if (failed && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "not a mask");
    return failed ? -1 : 0;
}

static int read_form(PyObject *object, PyObject *natives, Form *form)
{
    int failed = 0;
    form->form = Py_NewRef(object);
    PyObject *entity = taken(object, "entity", &failed);
    PyObject *programs = taken(object, "programs", &failed);
    if (!failed && (programs == NULL || !PyTuple_Check(programs) || PyTuple_GET_SIZE(programs) != 7)) {
        PyErr_SetString(PyExc_TypeError, "seven programs, or None for each");
        failed = 1;
    }
    if (!failed) {
        read_pattern(object, "shape", "match", programs, 0, &failed, &form->match);
        read_pattern(object, "shape", "finditer", programs, 0, &failed, &form->iterate);
        read_pattern(object, "before", "search", programs, 1, &failed, &form->before);
        read_pattern(object, "after", "match", programs, 2, &failed, &form->after);
        read_pattern(object, "endless", "match", programs, 3, &failed, &form->endless);
        read_pattern(object, "context", "search", programs, 4, &failed, &form->context);
        read_pattern(object, "denied", "search", programs, 5, &failed, &form->denied);
        read_pattern(object, "negative", "finditer", programs, 6, &failed, &form->negative);
    }
    Py_XDECREF(programs);
    form->validate = taken(object, "validate", &failed);
    form->said = taken(object, "said", &failed);
    form->led = number_of(object, "led", &failed);
    form->group = number_of(object, "group", &failed);
    form->numeric = number_of(object, "numeric", &failed);
    form->regroups = number_of(object, "regroups", &failed);
    PyObject *context_words = failed ? NULL : PyObject_GetAttrString(object, "context_words");
    PyObject *denied_words = context_words == NULL ? NULL : PyObject_GetAttrString(object, "denied_words");
    if (denied_words == NULL || read_beginnings(context_words, &form->context_words) < 0 ||
        read_beginnings(denied_words, &form->denied_words) < 0)
        failed = 1;
    Py_XDECREF(context_words);
    Py_XDECREF(denied_words);
    if (!failed && entity != NULL) {
        form->labelled = number_of(entity, "labelled", &failed);
        form->tests = taken(entity, "tests", &failed);
        PyObject *confidence = taken(entity, "confidence", &failed);
        form->confidence = confidence == NULL ? 0 : PyFloat_AsDouble(confidence);
        Py_XDECREF(confidence);
        failed |= PyErr_Occurred() != NULL;
    }
    if (!failed && entity != NULL)
        failed = read_mask(object, entity, form) < 0;
    if (!failed && form->validate != NULL) {
        PyObject *twin = PyDict_GetItemWithError(natives, form->validate); /* borrowed */
        const char *name = twin == NULL ? NULL : PyUnicode_AsUTF8(twin);
        form->check = name == NULL ? NULL : check_named(name);
        failed |= PyErr_Occurred() != NULL;
    }
    if (!failed && (entity == NULL || form->match.call == NULL || form->after.call == NULL || form->said == NULL ||
                    !PyDict_Check(form->said) || form->tests == NULL || !PyAnySet_Check(form->tests))) {
        PyErr_SetString(PyExc_TypeError, "not a form");
        failed = 1;
    }
    form->entity = entity;
    return failed ? -1 : 0;
}

static int judge_init(Judge *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"forms", "hit", "count", "say", "quiet", "elements", "natives", "structures", "domains", "strict", NULL};
    PyObject *forms, *hit, *counts, *say, *quiet, *elements, *natives, *structures, *domains;
    int strict;
    if (self->forms != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OOOO!O!O!O!O!p", names, &PyTuple_Type, &forms, &hit, &counts, &say,
                                     &PyFrozenSet_Type, &quiet, &PyFrozenSet_Type, &elements, &PyDict_Type, &natives,
                                     &PyDict_Type, &structures, &PyFrozenSet_Type, &domains, &strict))
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(forms);
    self->forms = PyMem_Calloc((size_t)count + 1, sizeof *self->forms);
    self->entities = PyMem_Calloc((size_t)count + 1, sizeof *self->entities);
    if (self->forms == NULL || self->entities == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    struct {
        PyObject **word;
        const char *text;
    } words[] = {{&self->span, "span"},   {&self->entity, "entity"}, {&self->start, "start"},
                 {&self->end, "end"},     {&self->score, "score"},   {&self->test, "test"},
                 {&self->text, "text"},   {&self->report, "report"}, {&self->elsewhere, "*"},
                 {&self->address, "address"}, {&self->action, "action"}, {&self->count_word, "count"},
                 {&self->sure, "sure"}, {&self->registers, "registers"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((*words[i].word = PyUnicode_InternFromString(words[i].text)) == NULL)
            return -1;
    self->hit = Py_NewRef(hit);
    self->count_type = Py_NewRef(counts);
    self->say = Py_NewRef(say);
    self->quiet = Py_NewRef(quiet);
    self->elements = Py_NewRef(elements);
    self->structures = Py_NewRef(structures);
    self->domains = Py_NewRef(domains);
    self->strict = strict;
    for (Py_ssize_t i = 0; i < count; i++) {
        self->count = i + 1;
        PyObject *form = PyTuple_GET_ITEM(forms, i);
        if (form != Py_None && read_form(form, natives, &self->forms[i]) < 0)
            return -1;
        self->entities[i] = self->forms[i].entity;
    }
    return 0;
}

static PyMethodDef judge_methods[] = {
    {"find", (PyCFunction)(void (*)(void))judge_find, METH_FASTCALL, find_doc},
    {"gather", (PyCFunction)(void (*)(void))judge_gather, METH_FASTCALL, gather_doc},
    {"screen", (PyCFunction)(void (*)(void))judge_screen, METH_FASTCALL, screen_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject JudgeType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._finder.Judge",
    .tp_doc = PyDoc_STR("Judges candidates by forms; see waf/sensitive/find.py."),
    .tp_basicsize = sizeof(Judge),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)judge_init,
    .tp_dealloc = (destructor)judge_dealloc,
    .tp_traverse = (traverseproc)judge_traverse,
    .tp_clear = (inquiry)judge_clear,
    .tp_methods = judge_methods,
};

/* ------------------------------------------------------------------------------------------------- the module */

PyDoc_STRVAR(label_doc, "label_before(text, start) -> bytes\n\nAs `context.label_before`.");

static PyObject *module_label(PyObject *unused, PyObject *args)
{
    const char *text;
    Py_ssize_t size, start;
    if (!PyArg_ParseTuple(args, "y#n", &text, &size, &start))
        return NULL;
    if (start < 0 || start > size) {
        PyErr_SetString(PyExc_IndexError, "outside of the text");
        return NULL;
    }
    Run run = label_before((const uint8_t *)text, start);
    return PyBytes_FromStringAndSize((const char *)run.at, run.size);
}

PyDoc_STRVAR(run_doc, "run(program, text, start, end, anywhere) -> tuple[int, int, int, int] | None\n\nThe match of a program, as "
                      "`re` gives it from `start` to `end`, and where its group stands (-1 for nowhere).");

static PyObject *module_run(PyObject *unused, PyObject *args)
{
    PyObject *bytes;
    const char *text;
    Py_ssize_t size, start, end, upto = -1;
    int anywhere;
    Program program;
    if (!PyArg_ParseTuple(args, "Oy#nnp", &bytes, &text, &size, &start, &end, &anywhere) || read_program(bytes, &program) < 0)
        return NULL;
    if (program.code == NULL || start < 0 || start > end || end > size || (anywhere && program.least < 1)) {
        PyErr_SetString(PyExc_ValueError, "no program, or not within the text");
        Py_XDECREF(program.bytes);
        return NULL;
    }
    Running running;
    if (anywhere)
        start = run_from(&program, &running, (const uint8_t *)text, end, start, &upto);
    else
        upto = run_at(&program, &running, (const uint8_t *)text, end, start);
    Py_DECREF(program.bytes);
    if (start < 0 || upto < 0)
        Py_RETURN_NONE;
    return Py_BuildValue("nnnn", start, upto, running.slots[0], running.slots[1]);
}

PyDoc_STRVAR(near_doc, "near(text, start, floor, labelled) -> bytes\n\nAs `context.Surroundings.near`.");

static PyObject *module_near(PyObject *unused, PyObject *args)
{
    const char *text;
    Py_ssize_t size, start, floor;
    int labelled;
    if (!PyArg_ParseTuple(args, "y#nnp", &text, &size, &start, &floor, &labelled))
        return NULL;
    if (start < 0 || start > size) {
        PyErr_SetString(PyExc_IndexError, "outside of the text");
        return NULL;
    }
    uint8_t out[2 * (NEAR + 8)];
    return PyBytes_FromStringAndSize((const char *)out, words_near((const uint8_t *)text, start, floor, labelled, out));
}

PyDoc_STRVAR(check_doc, "check(name, value) -> float | None\n\nWhat the twin of a validator says; None where it leaves it to the validator.");

static PyObject *module_check(PyObject *unused, PyObject *args)
{
    const char *name, *value;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "sy#", &name, &value, &size))
        return NULL;
    Check check = check_named(name);
    if (check == NULL)
        return PyErr_Format(PyExc_ValueError, "no twin of %s", name);
    double factor = check((const uint8_t *)value, size);
    return factor == UNSURE ? Py_NewRef(Py_None) : PyFloat_FromDouble(factor);
}

PyDoc_STRVAR(sketch_doc, "sketch(registers, key, id, value) -> bytes\n\nThe registers of a sketch that has seen a value more.");

static PyObject *module_sketch(PyObject *unused, PyObject *args)
{
    const char *registers, *key, *id, *value;
    Py_ssize_t registers_size, key_size, size;
    if (!PyArg_ParseTuple(args, "y#y#sy#", &registers, &registers_size, &key, &key_size, &id, &value, &size))
        return NULL;
    if (registers_size != 64 || key_size != 32) {
        PyErr_SetString(PyExc_ValueError, "64 registers and a key of 32 bytes");
        return NULL;
    }
    uint8_t room[64];
    memcpy(room, registers, 64);
    sketch_add(room, (const uint8_t *)key, id, (const uint8_t *)value, size);
    return PyBytes_FromStringAndSize((const char *)room, 64);
}

PyDoc_STRVAR(masked_doc, "masked(value, mask, first, last) -> bytes\n\nAs `mask.masked`, the format as `mask.hidden` gives it.");

static PyObject *module_masked(PyObject *unused, PyObject *args)
{
    const char *value;
    Py_ssize_t size, first, last;
    int format;
    if (!PyArg_ParseTuple(args, "y#inn", &value, &size, &format, &first, &last))
        return NULL;
    if (first < 0 || last < 0) {
        PyErr_SetString(PyExc_ValueError, "not a mask");
        return NULL;
    }
    PyObject *out = PyBytes_FromStringAndSize(NULL, size);
    if (out != NULL && size > 0) { /* none at all is a shared object */
        memcpy(PyBytes_AS_STRING(out), value, (size_t)size);
        mask((uint8_t *)PyBytes_AS_STRING(out), size, format, first, last);
    }
    return out;
}

static PyMethodDef module_methods[] = {
    {"label_before", module_label, METH_VARARGS, label_doc},
    {"run", module_run, METH_VARARGS, run_doc},
    {"near", module_near, METH_VARARGS, near_doc},
    {"untold", module_untold, METH_O, untold_doc},
    {"written", module_written, METH_VARARGS, written_doc},
    {"json_path", module_follow, METH_VARARGS, follow_doc},
    {"sketch", module_sketch, METH_VARARGS, sketch_doc},
    {"masked", module_masked, METH_VARARGS, masked_doc},
    {"check", module_check, METH_VARARGS, check_doc},
    {"view", (PyCFunction)(void (*)(void))module_view, METH_FASTCALL, view_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._finder",
                                    PyDoc_STR("Candidates judged in C; the reference is waf/sensitive."), -1,
                                    module_methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__finder(void)
{
    fill_kinds();
    if (PyType_Ready(&JudgeType) < 0 || PyType_Ready(&NoticesType) < 0 || PyType_Ready(&SignsType) < 0 ||
        PyType_Ready(&ViewType) < 0)
        return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made == NULL || PyModule_AddObjectRef(made, "Judge", (PyObject *)&JudgeType) < 0 ||
        PyModule_AddObjectRef(made, "Notices", (PyObject *)&NoticesType) < 0 ||
        PyModule_AddObjectRef(made, "Signs", (PyObject *)&SignsType) < 0 ||
        PyModule_AddObjectRef(made, "View", (PyObject *)&ViewType) < 0 ||
        PyModule_AddIntConstant(made, "NEAR", NEAR) < 0 ||
        PyModule_AddIntConstant(made, "LOOK_BEHIND", LOOK_BEHIND) < 0 ||
        PyModule_AddIntConstant(made, "LED_REACH", LED_REACH) < 0 ||
        PyModule_AddIntConstant(made, "LEAD_IN", LEAD_IN) < 0 ||
        PyModule_AddIntConstant(made, "MOST_RETRIES", MOST_RETRIES) < 0 ||
        PyModule_AddIntConstant(made, "RETRY_BYTES", RETRY_BYTES) < 0 ||
        PyModule_AddIntConstant(made, "NUMERALS", NUMERALS) < 0 || PyModule_AddIntConstant(made, "KNOWN_KEY", KNOWN_KEY) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}
