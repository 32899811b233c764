# SPDX-License-Identifier: Apache-2.0
"""Device shadows of AWS IoT: a state that is wanted, one that is reported, and the difference."""

import copy
import json
import re

from iothub import merge
from service import Problem

TOPIC = re.compile(r'(\$aws/things/([^/]+)/shadow(?:/name/([^/]+))?)/(get|update|delete)\Z')
SHADOW_MAX = 8192


def difference(desired, reported):
    """What is desired and not reported so."""
    found = {}
    for name, value in desired.items():
        other = reported.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            inner = difference(value, other)
            if inner:
                found[name] = inner
        elif value != other:
            found[name] = value
    return found


def token_of(payload):
    try:
        asked = json.loads(payload or b'{}')
    except ValueError:
        return {}
    token = asked.get('clientToken') if isinstance(asked, dict) else None
    return {'clientToken': token} if isinstance(token, str) else {}


class Shadows:
    """(thing, name of the shadow or None) -> document"""

    def __init__(self, now):
        self.now, self.documents = now, {}

    def _stamp(self, document, **more):
        return {**more, 'version': document['version'], 'timestamp': int(self.now())}

    def document(self, thing, name=None):
        return copy.deepcopy(self.documents.get((thing, name)))

    def _get(self, prefix, key, request):
        document = self.documents.get(key)
        if not document:
            raise Problem(404, title="No shadow exists with name: '%s'" % '~'.join(filter(None, key)))
        state = {part: copy.deepcopy(document[part]) for part in ('desired', 'reported') if document[part]}
        delta = difference(document['desired'], document['reported'])
        if delta:
            state['delta'] = delta
        return [(prefix + '/get/accepted', self._stamp(document, state=state, **token_of(json.dumps(request))))]

    def _update(self, prefix, key, request):
        state = request.get('state')
        if not isinstance(state, dict) or not set(state) <= {'desired', 'reported'}:
            raise Problem(400, title='Missing required node: state')
        document = self.documents.get(key) or {'desired': {}, 'reported': {}, 'version': 0}
        if request.get('version') not in (None, document['version']):
            raise Problem(409, title='Version conflict')
        former = {part: copy.deepcopy(document[part]) for part in ('desired', 'reported')}
        for part, patch in state.items():
            if patch is None:
                document[part] = {}
            else:
                merge(document[part], patch)
        document['version'] += 1
        self.documents[key] = document
        token = {'clientToken': request['clientToken']} if 'clientToken' in request else {}
        answers = [(prefix + '/update/accepted', self._stamp(document, state=state, **token)),
                   (prefix + '/update/documents', {
                       'previous': {'state': former, 'version': document['version'] - 1},
                       'current': {'state': {part: copy.deepcopy(document[part]) for part in former},
                                   'version': document['version']}, 'timestamp': int(self.now()), **token})]
        delta = difference(document['desired'], document['reported'])
        if delta and 'desired' in state or delta and difference(former['desired'], former['reported']) != delta:
            answers.append((prefix + '/update/delta', self._stamp(document, state=delta, **token)))
        return answers

    def _delete(self, prefix, key, _request):
        document = self.documents.pop(key, None)
        if not document:
            raise Problem(404, title="No shadow exists with name: '%s'" % '~'.join(filter(None, key)))
        return [(prefix + '/delete/accepted', self._stamp(document))]

    def serve(self, topic, payload):
        """[(topic, value)] that go to everybody who listens."""
        prefix, thing, name, verb = TOPIC.match(topic).groups()
        if len(payload) > SHADOW_MAX:
            raise Problem(413, title='The payload exceeds the maximum size allowed')
        try:
            request = json.loads(payload or b'{}')
        except ValueError:
            request = None
        if not isinstance(request, dict):
            raise Problem(400, title='Invalid JSON')
        return {'get': self._get, 'update': self._update, 'delete': self._delete}[verb](prefix, (thing, name), request)

    def rejected(self, topic, problem):
        """With the token of the question, where that can be read."""
        return [(topic + '/rejected', {'code': problem.status, 'message': problem.title or 'refused',
                                       'timestamp': int(self.now()), **token_of(problem.asked)})]
