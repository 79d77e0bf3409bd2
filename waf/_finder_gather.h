/* Values that were found, gathered by the fields that they stand in: `Finder.gathered` in waf/sensitive/find.py is the reference. */

typedef struct {
    Py_ssize_t number; /* of the field in which the first of them stands */
    int64_t spoken;    /* its name, and what the field is */
    const Found *first;
    int acts;
    Py_ssize_t count;
    PyObject *values;
} Group;

enum { FIELD_NUMBERS = 4, NAME_BITS = 11 }; /* int32 of a field in a table of waf/_bodies_lines.h, and as in waf/sensitive/lines.py */

/* The group that this hit belongs to; a new one has no values yet. `slots` hold one more than a group's number, and are at least twice as many. */
static Group *group_of(Group *groups, size_t *count, uint32_t *slots, size_t mask, int64_t spoken, const Found *found, int acts)
{
    size_t hash = (size_t)spoken * 0x9e3779b97f4a7c15u ^ (size_t)found->form->entity >> 4 ^ (size_t)(acts << 1 | found->test) << 7;
    for (hash ^= hash >> 29;; hash++) {
        uint32_t *slot = &slots[hash & mask];
        if (*slot == 0) {
            *slot = (uint32_t)*count + 1;
            groups[*count] = (Group){.spoken = spoken, .first = found, .acts = acts};
            return &groups[(*count)++];
        }
        Group *group = &groups[*slot - 1];
        if (group->spoken == spoken && group->first->form->entity == found->form->entity && group->acts == acts &&
            group->first->test == found->test)
            return group;
    }
}

/* What is told of a group. */
static PyObject *told_of(const Group *group)
{
    return Py_BuildValue("nOOOnO", group->number, group->first->form->entity, group->acts ? Py_True : Py_False,
                         group->first->test ? Py_True : Py_False, group->count, group->values);
}

/* Groups of what was found, in the order of their first values; NULL with an exception. */
static PyObject *gather(const Search *search, const int32_t *fields, Py_ssize_t many)
{
    size_t size = 8, count = 0;
    while (size < 2 * search->count)
        size *= 2;
    Group *groups = PyMem_Calloc(search->count, sizeof *groups);
    uint32_t *slots = PyMem_Calloc(size, sizeof *slots);
    PyObject *told = NULL;
    int failed = groups == NULL || slots == NULL;
    if (failed)
        PyErr_NoMemory();
    Py_ssize_t number = -1;
    for (size_t i = 0; !failed && i < search->count; i++) {
        const Found *found = &search->found[i];
        while (number + 1 < many && fields[(number + 1) * FIELD_NUMBERS] <= found->start)
            number++;
        if (number < 0 || found->end > fields[number * FIELD_NUMBERS + 1])
            continue; /* in a name, or beyond its value */
        const int32_t *field = fields + number * FIELD_NUMBERS;
        int64_t spoken = (int64_t)((uint64_t)(uint32_t)field[2] << NAME_BITS | (uint32_t)field[3]);
        Group *group = group_of(groups, &count, slots, size - 1, spoken, found, found->score >= ACT - 1e-9);
        if (group->count++ == 0) {
            group->number = number;
            group->values = PySet_New(NULL);
        }
        PyObject *value = PyBytes_FromStringAndSize((const char *)search->text.at + found->start, found->end - found->start);
        failed = value == NULL || group->values == NULL || PySet_Add(group->values, value) < 0;
        Py_XDECREF(value);
    }
    if (!failed)
        told = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; i < count; i++) {
        PyObject *one = told == NULL ? NULL : told_of(&groups[i]);
        Py_XDECREF(groups[i].values);
        if (one != NULL)
            PyList_SET_ITEM(told, (Py_ssize_t)i, one);
        else
            Py_CLEAR(told);
    }
    PyMem_Free(groups);
    PyMem_Free(slots);
    return told;
}
