cimport cython

from waf.exchange cimport Exchange, Peer
from waf.flows cimport Flows
from waf.messages cimport Request, Response
from waf.policy.judgement cimport Judgement
from waf.profiles.sampling cimport Budget, Pace, Repeats


cdef class Intake:
    cdef readonly object queue
    cdef readonly Flows flows
    cdef public long long passed, alike, unheard, dropped, would_block
    cdef readonly bint enabled
    cdef long long _waiting
    cdef object _wake, _trusted
    cdef dict _paces
    cdef Repeats _repeats
    cdef public Budget _budget
    cdef Budget _teachers, _alarms
    cdef bint _all_teach, _none_teach
    cdef double _mature

    @cython.locals(judgement=Judgement)
    cpdef take(self, Exchange exchange)
    @cython.locals(pace=Pace, budget=Budget, times=cython.longlong, mature=double)
    cdef _consider(self, Exchange exchange, Judgement judgement, long long status)
    @cython.locals(pace=Pace)
    cdef Pace _pace_of(self, object check, object reading)
    @cython.locals(request=Request, peer=Peer)
    cdef long long _times(self, Exchange exchange, object reading) except -1
    cdef _leave_out(self, Pace pace)
    cdef Budget _budget_of(self, str client)
    cdef bint _teaches(self, str client) except -1
    @cython.locals(pace=Pace, flagged=bint, blocked=bint, accepted=bint, sensitive=list)
    cdef _remarkable(self, Exchange exchange, Judgement judgement)
    cdef bint _is_like_others(self, Exchange exchange, Judgement judgement) except -1
