cimport cython

from waf.exchange cimport Exchange
from waf.record.tallies cimport Histogram


cdef class Metrics:
    cdef public long record_failures
    cdef object _requests, _findings, _rules, _faults, _bypasses
    cdef Histogram _overhead, _duration, _upstream
    cdef dict _passed
    cdef object _build, _reloads, _reload_ok, _reload_at, _policy, _generation, _watched
    cdef long long _from_client, _to_client, _from_app, _retries

    @cython.locals(seconds=double, status_class=long, passed=list)
    cpdef count(self, Exchange exchange)
