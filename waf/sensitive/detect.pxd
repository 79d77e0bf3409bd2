from waf.messages cimport Headers, Request, Response
from waf.sensitive.heads cimport truthful
from waf.sensitive.records cimport RecordMask

cimport cython


cdef class Detector:
    cdef readonly object policy, key, entities, _finder, _requests, others
    cdef object _kinds, _clean, _clean_unmet
    cdef readonly RecordMask _records

    cpdef str mask(self, bytes data)
    @cython.locals(headers=Headers, unmet=bint)
    cpdef object screen(
        self, Request request, Response response, bytes body, bint enforce=*, object ceilings=*, object lift=*
    )
