cimport cython


cdef class Tally:
    cdef object _key
    cdef readonly list counts
    cdef dict _places
    cdef tuple _more
    cdef readonly dict totals

    @cython.locals(totals=dict, id=str)
    cpdef recount(self)
    cpdef tuple findings(self, str direction)


@cython.locals(told=tuple, known=tuple)
cdef object _finding(object count, str direction)

@cython.locals(total=cython.Py_ssize_t)
cpdef object verdict_of(Tally tally, object remarks, bint altered, bint would)
