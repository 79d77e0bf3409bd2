cimport cython

from waf.exchange cimport Exchange
from waf.messages cimport Request, Response
from waf.permission cimport Released, released
from waf.policy.judgement cimport Judgement
from waf.policy.screens cimport AnswerScreen
from waf.policy.settings cimport Settings


cdef class Answers:
    cdef public object _signatures, _detector  # tests put broken engines here
    cdef object _on_error, _disclosures, _contract, _verdicts, _lifting
    cdef bint _redacts, _together, _withholds
    cdef AnswerScreen _clears

    @cython.locals(judgement=Judgement)
    cpdef release(self, Exchange exchange, Response response, object body=*)

    cdef bint _is_clear(self, Settings settings, Response response, bytes body) except -1
    @cython.locals(request=Request, settings=Settings, enforce=bint)
    cdef _whole(self, Exchange exchange, Judgement judgement, Response response, bytes body)
