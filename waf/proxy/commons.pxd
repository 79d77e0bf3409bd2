from waf.proxy.stream cimport Flow
from waf.proxy.upstream cimport Pool
from waf.exchange cimport Exchange


cdef class Commons:
    cdef public object clock, config, conversations, door, emptied, hosts, ids, judge, limits, loop, policy, proxies
    cdef public object record, stats, timeouts, wall, wheel
    cdef public Flow flow
    cdef public Pool pool
    cdef public long bodies_held
    cdef public double idle_until
    cdef public bint draining, keep_alive, websocket

    cpdef finish(self, Exchange exchange)
