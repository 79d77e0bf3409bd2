cimport cython

from waf.inspect.effort cimport Effort


cdef class Rounds:
    cdef Effort _effort
    cdef object _hints, _searcher
    cdef list _values
    cdef dict _allowed, _kin, _known, _groups, _judged_whole
    cdef Py_ssize_t _count, _heads, _most
    cdef set _overflowed
    cdef bint _exhausted, _unopened

    cpdef object run(self, object scan)
    cdef _look(self, list texts, object matcher)
    cdef _look_at_changes(self, list texts, object matcher)
    cdef list _certain(self, object text, list matches, object matcher, set doubtful, bint ends=*)
    cdef tuple _in_parts(self, list texts, list parts, object matcher)
    cdef list _scanned(self, object text, bytes data, object matcher, object indices=*, Py_ssize_t pieces=*)

    @cython.locals(
        following=list, effort=Effort, long=bint, known=set, most=Py_ssize_t, fold=bint, aside=bint, data=bytes, whole=bytes,
        made=bytes, apart=bint, allowing=dict, behind=tuple,
    )
    cdef list _decode(self, list frontier, list ends, object scan)
    cdef bytes _excerpt(self, object text, object changes)
    cdef object _new(self, object owner, bytes made, int mask, object had, object own)
    cdef object _hinted(self, list frontier, list ends, object scan)
    cdef _give(self, list texts, list places, Py_ssize_t found)
    cdef _take(self, list texts, list places)
