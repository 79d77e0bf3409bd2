from waf.sensitive.tally cimport Tally


cdef class Screened:
    cdef readonly bint unmet
    cdef readonly object response
    cdef readonly Tally tally
    cdef object _terms, _seen
    cdef list _found
    cdef bint _would_alter

    cpdef bytes whole(self, bytes body)
    cpdef object verdict(self)


cdef class _Writer:
    cdef tuple _of
    cdef object _seen, _tally, _redactor
