cimport cython

from waf.exchange cimport Exchange
from waf.messages cimport Request, Response
from waf.policy.judgement cimport Judgement
from waf.sensitive.tally cimport Tally


cdef class Flows:
    cdef readonly object guesses
    cdef object _waiting
    cdef dict _clean, _clean_paths

    @cython.locals(request=Request, clean=dict, paths=dict)
    cpdef note_clean(self, Exchange exchange)
    @cython.locals(request=Request, response=Response, path=bytes, found=bint, tally=Tally, waits=bint)
    cpdef bint note(self, Exchange exchange, Judgement judgement) except -1
    cdef bint _note(self, str direction, Tally tally, Exchange exchange, bytes path, bint found) except -1
