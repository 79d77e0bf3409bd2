cimport cython

from waf.exchange cimport Exchange
from waf.messages cimport Request, Response
from waf.permission cimport Admitted, BodyPlan, Refused, admitted
from waf.policy.answers cimport Answers
from waf.policy.judgement cimport Judgement
from waf.policy.screens cimport BodyScreen
from waf.policy.settings cimport Settings
from waf.sensitive.heads cimport prepared


cdef class Policy:
    cdef public object signatures  # tests put a broken engine here, and below
    cdef readonly object config, detector, profile, disclosures, contract, gate, tuning, routes
    cdef readonly str version
    cdef readonly long generation
    cdef object _limits, _verdicts, _lifting
    cdef Settings _defaults
    cdef BodyPlan _usual_plan
    cdef readonly dict _screens
    cdef readonly Answers _answers
    cdef readonly BodyScreen _read_body
    cdef bint _needs_path, _gated, _redacts, _tolerates

    @cython.locals(request=Request, judgement=Judgement, settings=Settings)
    cpdef plan(self, Exchange exchange, object now)
    @cython.locals(judgement=Judgement)
    cpdef admit(self, Exchange exchange, bytes body, object now)
    @cython.locals(
        request=Request, judgement=Judgement, settings=Settings, clear=int, rules_clear=bint, data_clear=bint,
        body_rules_clear=bint, body_data_clear=bint, redacts=bint,
    )
    cdef _judge(self, Exchange exchange, bytes body)
    cpdef release(self, Exchange exchange, Response response, object body=*)
