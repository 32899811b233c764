# SPDX-License-Identifier: Apache-2.0
"""The two documents of AWS IoT that users write: policies, which say what a certificate may do, and
provisioning templates, which say what becomes of a device that registers."""

import json
import re

from service import Problem


def _listed(value):
    return value if isinstance(value, list) else [value]


def _pattern(text):
    """* and ? of a policy, as a regular expression."""
    return re.compile(''.join('.*' if one == '*' else '.' if one == '?' else re.escape(one) for one in text) + r'\Z',
                      re.S)


def _resource(text, variables):
    """The part of a resource name behind region and account; None when a variable has no value."""
    text = text.split(':', 5)[-1] if text.startswith('arn:') else text
    for name in re.findall(r'\$\{([^}]*)\}', text):
        if not variables.get(name):
            return None
        text = text.replace('${%s}' % name, variables[name])
    return text


def allows(documents, action, resource, variables):
    """Whether a certificate with these policies may do 'iot:<action>' to a 'client/...', 'topic/...' or
    'topicfilter/...'. What denies counts for more."""
    verdict = False
    for document in documents:
        for statement in _listed(document['Statement']):
            if not any(_pattern(one).match('iot:' + action) for one in _listed(statement['Action'])):
                continue
            names = [_resource(one, variables) for one in _listed(statement['Resource'])]
            if any(name is not None and _pattern(name).match(resource) for name in names):
                if statement['Effect'] == 'Deny':
                    return False
                verdict = True
    return verdict


def _value(one, parameters):
    """A value of a template with its functions worked out."""
    if not isinstance(one, dict):
        return one
    if 'Ref' in one:
        if one['Ref'] not in parameters:
            raise Problem(400, 'InvalidParameters', 'The parameter %s is missing.' % one['Ref'])
        return parameters[one['Ref']]
    if 'Fn::Join' in one:
        glue, parts = one['Fn::Join']
        return glue.join(_value(part, parameters) for part in parts)
    if 'Fn::Sub' in one:
        return re.sub(r'\$\{([^}]*)\}', lambda match: _value({'Ref': match[1]}, parameters), one['Fn::Sub'])
    return {key: _value(value, parameters) for key, value in one.items()}


class Outcome:
    """What a template makes of parameters."""

    def __init__(self, body, given):
        body = json.loads(body) if isinstance(body, str) else body
        parameters = {name: one['Default'] for name, one in body.get('Parameters', {}).items() if 'Default' in one}
        parameters.update(given)
        for name in body.get('Parameters', {}):
            if name not in parameters:
                raise Problem(400, 'InvalidParameters', 'The parameter %s is missing.' % name)
        self.thing, self.attributes, self.policies, self.status = None, {}, {}, 'ACTIVE'
        for one in body['Resources'].values():
            properties = {key: _value(value, parameters) for key, value in one.get('Properties', {}).items()}
            if one['Type'] == 'AWS::IoT::Thing':
                self.thing = properties['ThingName']
                self.attributes = properties.get('AttributePayload', {})
            elif one['Type'] == 'AWS::IoT::Certificate':
                self.status = properties.get('Status', 'ACTIVE').upper()
            elif one['Type'] == 'AWS::IoT::Policy':
                document = properties.get('PolicyDocument')
                name = properties.get('PolicyName') or 'made-for-' + str(self.thing)
                self.policies[name] = json.loads(document) if isinstance(document, str) else document
        self.configuration = {key: _value(value, parameters)
                              for key, value in body.get('DeviceConfiguration', {}).items()}
