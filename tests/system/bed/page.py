# SPDX-License-Identifier: Apache-2.0
"""A person's browser without JavaScript: cookies, forms with their hidden fields, redirects."""

import hashlib
import html.parser
import http.client
import json
import ssl
import urllib.parse

from . import commands


class Form:
    def __init__(self, action, method):
        self.action, self.method = action, method
        self.fields = {}  # name -> value; what a browser would send untouched
        self.names = []  # every named control, buttons too
        self.buttons = []  # (name, value)

    def __repr__(self):
        return '<form %s %s %r>' % (self.method, self.action, self.names)


class _Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.forms, self.text, self.links = [], [], []
        self._form, self._select, self._area, self._hidden = None, None, None, 0

    def handle_starttag(self, tag, attributes):
        has = dict(attributes)
        name, value = has.get('name'), has.get('value') or ''
        if tag == 'form':
            self._form = Form(has.get('action') or '', (has.get('method') or 'get').lower())
            self.forms.append(self._form)
        elif tag in ('script', 'style'):
            self._hidden += 1
        elif tag == 'a' and has.get('href'):
            self.links.append(has['href'])
        elif self._form is not None and name and tag in ('input', 'button', 'select', 'textarea'):
            kind = (has.get('type') or ('submit' if tag == 'button' else 'text')).lower()
            self._form.names.append(name)
            if kind == 'submit':
                self._form.buttons.append((name, value))
            elif kind in ('checkbox', 'radio'):
                if 'checked' in has:
                    self._form.fields[name] = value or 'on'
            else:
                self._form.fields[name] = value
            self._select = name if tag == 'select' else self._select
            self._area = name if tag == 'textarea' else None
        elif tag == 'option' and self._select and self._form is not None:
            if 'selected' in has or not self._form.fields.get(self._select):
                self._form.fields[self._select] = value

    def handle_endtag(self, tag):
        if tag == 'form':
            self._form = None
        elif tag == 'select':
            self._select = None
        elif tag == 'textarea':
            self._area = None
        elif tag in ('script', 'style'):
            self._hidden -= 1

    def handle_data(self, data):
        if self._area and self._form is not None:
            self._form.fields[self._area] += data
        elif not self._hidden:
            self.text.append(data)


class Answer:
    """One answer: status, headers (lower case), body, and what stands on the page."""

    def __init__(self, status, headers, body):
        self.status, self.body = status, body
        self.headers = {}
        for name, value in headers:
            self.headers.setdefault(name.lower(), []).append(value)
        self._reader = None

    def header(self, name):
        return ', '.join(self.headers.get(name.lower(), [])) or None

    @property
    def html(self):
        return self.body.decode('utf-8', 'replace')

    def _read(self):
        if self._reader is None:
            self._reader = _Reader()
            self._reader.feed(self.html)
        return self._reader

    @property
    def forms(self):
        return self._read().forms

    @property
    def links(self):
        return self._read().links

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        """What a person reads, with single spaces."""
        return ' '.join(' '.join(self._read().text).split())

    def form(self, action=None, button=None, where=None):
        """The one form whose action ends so, that has such a button value, for which where()
        holds."""
        found = [one for one in self.forms
                 if (action is None or one.action.split('?')[0].endswith(action))
                 and (button is None or button in [value for _, value in one.buttons])
                 and (where is None or where(one))]
        assert len(found) == 1, 'wanted one form (%s), there are: %r\n%s' % (
            action or button, self.forms, self.text[:600])
        return found[0]


class Page:
    """One browser window with its cookies. The certificate is made by the gateway itself: it is
    not verified against anybody, but its fingerprint is kept for the comparison that a person
    makes."""

    def __init__(self, host, port, timeout=120, source=None):
        self.host, self.port, self.timeout, self.source = host, port, timeout, source
        self.origin = 'https://%s:%d' % ('[%s]' % host if ':' in host else host, port)
        self.cookies = {}
        self.set_cookies = []  # the Set-Cookie fields as they came
        self.fingerprint = None
        self.last = None
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def request(self, method, path, body=None, headers=None):
        """One request as it stands, no redirect followed. None as a header's value leaves it out."""
        sent = {'Cookie': '; '.join('%s=%s' % item for item in self.cookies.items()) or None,
                'Accept': 'text/html'}
        if method != 'GET':
            sent['Origin'] = self.origin
            sent['Sec-Fetch-Site'] = 'same-origin'
        sent.update(headers or {})
        link = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout,
                                           context=self._context,
                                           source_address=(self.source, 0) if self.source else None)
        try:
            link.connect()
            self.fingerprint = hashlib.sha256(link.sock.getpeercert(True)).hexdigest()
            link.putrequest(method, path, skip_host='Host' in sent, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    link.putheader(name, value)
            if body is not None and 'Content-Length' not in sent:
                link.putheader('Content-Length', str(len(body)))
            self._send_whole(link, body)
            raw = link.getresponse()
            answer = Answer(raw.status, raw.getheaders(), raw.read())
        finally:
            link.close()
        for line in answer.headers.get('set-cookie', []):
            self._keep(line)
        self.last = answer
        return answer

    @staticmethod
    def _send_whole(link, body):
        """Fields and body in one piece: a server that answers by the fields alone, and closes, has
        read all that there is, and no reset overtakes its answer."""
        pieces = []
        link.send = pieces.append
        link.endheaders(body)
        del link.send
        link.sock.sendall(b''.join(pieces))

    def _keep(self, line):
        self.set_cookies.append(line)
        pair, *attributes = [part.strip() for part in line.split(';')]
        name, _, value = pair.partition('=')
        if not value or 'max-age=0' in [one.lower() for one in attributes]:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    def _follow(self, answer):
        hops = 0
        while answer.status in (301, 302, 303, 307, 308) and hops < 5:
            where = urllib.parse.urljoin(self.origin, answer.header('location') or '/')
            assert where.startswith(self.origin), 'sent away to %s' % where
            answer = self.request('GET', where[len(self.origin):] or '/')
            hops += 1
        return answer

    def get(self, path='/', headers=None):
        return self._follow(self.request('GET', path, headers=headers))

    def post(self, path, fields, headers=None):
        """A form sent as a browser would."""
        body = urllib.parse.urlencode(fields).encode()
        kind = {'Content-Type': 'application/x-www-form-urlencoded', **(headers or {})}
        return self._follow(self.request('POST', path, body, kind))

    def submit(self, form, button=None, **values):
        """Fills a form in and sends it; hidden fields go along. A value for a name that the form
        does not have is a mistake of the test."""
        unknown = set(values) - set(form.names)
        assert not unknown, '%r has no %s' % (form, ', '.join(sorted(unknown)))
        fields = {**form.fields, **values}
        if button is not None:
            fields.update([one for one in form.buttons if one[1] == button][:1])
        elif len(form.buttons) == 1:
            fields.update(form.buttons)
        path = urllib.parse.urljoin('/', form.action) if form.action else '/'
        assert form.method == 'post', '%r is no form that changes anything' % form
        return self.post(path, fields)

    def setup(self, code, name, password):
        """The first run: the setup code makes the first administrator."""
        form = self.get(commands.PAGE_SETUP).form(commands.PAGE_SETUP)
        return self.submit(form, **{commands.FIELD_CODE: code, commands.FIELD_NAME: name,
                                    commands.FIELD_PASSWORD: password,
                                    commands.FIELD_AGAIN: password})

    def api(self, method, path, body=None, token=None, headers=None):
        """A call of the API as the page's own script makes it; 'token' is the session's."""
        kind = {'Accept': 'application/json', 'X-CSRF-Token': token, **(headers or {})}
        if body is not None:
            kind.setdefault('Content-Type', 'application/json')
        return self.request(method, '/api/v1/' + path,
                            None if body is None else json.dumps(body).encode(), kind)

    @property
    def token(self):
        """The session's token, from the form that stands on every screen: the one to log out."""
        return self.get('/waiting').form(commands.PAGE_LOGOUT).fields[commands.FIELD_TOKEN]

    def login(self, name, password):
        form = self.get(commands.PAGE_LOGIN).form(commands.PAGE_LOGIN)
        return self.submit(form, **{commands.FIELD_NAME: name, commands.FIELD_PASSWORD: password})
