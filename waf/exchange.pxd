cimport cython

from waf.messages cimport Request, Response
from waf.value cimport Value


cdef class Peer(Value):
    cdef readonly str address, client, scheme, identity
    cdef readonly object port


cdef class Exchange:
    cdef public object id, trace_id, verdict, response_verdict, outcome, fault, detail
    cdef public object bypass, policy_version, generation, route, fields, policy_data
    cdef public Peer peer
    cdef public Request request
    cdef public Response response
    cdef public double started, wall, head_at, client_body_at, admitted_at, sent_upstream_at, answered_at, ended
    cdef public double overhead
    cdef public long long sent_status, attempts, bytes_from_client, bytes_to_client, bytes_from_app

    cdef _begin(self, object id, Peer peer, double started, double wall)


@cython.locals(made=Exchange)
cpdef Exchange begun(object id, Peer peer, double started, double wall)
