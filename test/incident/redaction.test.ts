import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { makeId } from '../../src/incident/incident-file.js'
import { redactData, redactText } from '../../src/incident/redaction.js'

const seed = 20261121

t.test('known forms of secrets are taken out, and what is around them stays', (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['node web.js --password=hunter2 --port 80', 'node web.js --password=[removed:password] --port 80'],
    ['node web.js --password hunter2 --port 80', 'node web.js --password [removed:password] --port 80'],
    ['app -dbPassword=x y', 'app -dbPassword=[removed:password] y'],
    ['DB_PASS=abc ./run', 'DB_PASS=[removed:token] ./run'],
    ['HANGDOG_TOKEN=9f1c2b1e-6c53-4b1f-9a44-1f4a1be39bd0', 'HANGDOG_TOKEN=[removed:token]'],
    ['postgres://me:p@ss/w:rd@db:5432/x', 'postgres://[removed:url-credentials]@db:5432/x'],
    ['https://:only@host/', 'https://[removed:url-credentials]@host/'],
    ['curl -u me:abc http://x', 'curl -u me:[removed:password] http://x'],
    ['mysql -u root -phunter2 db', 'mysql -u root -p[removed:password] db'],
    ['AKIAIOSFODNN7EXAMPLE', '[removed:aws-key]'],
    ['secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'secret [removed:random-word]'],
    ['x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J y', 'x [removed:jwt] y'],
    ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: [removed:authorization]'],
    ["{ 'authorization': 'Bearer abc' }", "{ 'authorization': '[removed:authorization]' }"],
    ['sent Bearer abcdef123456', 'sent Bearer [removed:authorization]'],
    ['Cookie: a=b; c=d', 'Cookie: [removed:cookie]'],
    ['{"password":"a \\" b","n":1}', '{"password":"[removed:password]","n":1}'],
    ['password: "cut off in the mid', 'password: "[removed:password]'],
    ['#3 login (password=0x7ffe01 "hunter2", n=3)', '#3 login (password=0x7ffe01 "[removed:password]", n=3)'],
    ['ghp_abcdefghijklmnopqrstuvwxyz0123', '[removed:provider-key]'],
    ['id 0123456789abcdef0123456789abcdef', 'id [removed:random-word]'],
    [
      'a\n-----BEGIN RSA PRIVATE KEY-----\nAAA\nBBB\n-----END RSA PRIVATE KEY-----\nb',
      'a\n[removed:private-key]\n\n\n\nb',
    ],
  ]
  for (const [text, wanted] of cases) t.equal(redactText(text).value, wanted)
  t.end()
})

t.test('what only looks a little like it stays', (t) => {
  const cases = [
    'at parseToken (file:///srv/token.js:12:3)',
    'at check (/srv/password.js:120:31)',
    'http://127.0.0.1:8080/a@b',
    'https://example.org:443/x?mail=me@example.org',
    'max_tokens=100, token=0x7fff12345678, tokens: 12',
    'if (token === undefined)',
    'std::__1::basic_string<char, std::__1::char_traits<char>>::token::next',
    '_ZN4node9inspector5Agent5StartERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE',
    '20261121T053939456Z-server_drill-fda3fa',
    '/usr/lib/x86_64-linux-gnu/libnode.so.115',
    '/home/me/projects/Web2Frontend/node_modules/@scope/some-package/dist/index.cjs',
    '0x00007fffe1234567 in uv__io_poll () from /lib/libuv.so',
    '9f1c2b1e-6c53-4b1f-9a44-1f4a1be39bd0',
    'createX509CertificateFromBuffer',
    '--token-file /run/secrets.d/x --password-length=12',
    'waiting in read() on FIFO /run/x, no writer',
  ]
  for (const text of cases) t.same(redactText(text), { value: text, removed: [] })
  t.end()
})

/** No two runs of a test have the same one, and it is as random as keys are. */
const key = fc.nat().map((n) => createHash('sha256').update(`key ${n}`).digest('base64url'))
const hexKey = fc.nat().map((n) => createHash('sha256').update(`key ${n}`).digest('hex'))
const anyWord = fc.stringMatching(/^[A-Za-z0-9!$%^*()+=_.,~]{6,30}$/).filter((word) => !/^(?:0x|true|=)/i.test(word))
const planted: fc.Arbitrary<{ readonly text: string; readonly secret: string }> = fc.oneof(
  key.map((secret) => ({ text: secret, secret })),
  hexKey.map((secret) => ({ text: secret, secret })),
  anyWord
    .map((word) => `Zq${word}`)
    .chain((secret) =>
      fc.constantFrom(
        { text: `--password=${secret}`, secret },
        { text: `--db-password ${secret}`, secret },
        { text: `API_KEY=${secret}`, secret },
        { text: `"client_secret": "${secret}"`, secret },
        { text: `password: '${secret}'`, secret },
        { text: `redis://user:${secret}@cache:6379`, secret },
        { text: `Authorization: Bearer ${secret}`, secret },
        { text: `curl --user me:${secret}`, secret },
      ),
    ),
)
const surroundings = fc.oneof(
  fc.lorem(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '\n', 'x=1 ', 'at f (a.js:1:2)\n'),
)

t.test('a planted secret never survives, wherever it stands', (t) => {
  fc.assert(
    fc.property(surroundings, planted, surroundings, (before, { text, secret }, after) => {
      const { value, removed } = redactText(`${before} ${text} ${after}`)
      return !value.includes(secret) && removed.length > 0 && !JSON.stringify(removed).includes(secret)
    }),
    { seed, numRuns: 2000 },
  )
  t.end()
})

t.test('nor does it in data, at any depth, as name, value, or word of a command line', (t) => {
  const data = fc.oneof(
    planted.map(({ text, secret }) => ({ data: { a: [{ b: `x ${text}` }] }, secret })),
    planted.map(({ text, secret }) => ({ data: { a: ['one', text, 'two'] }, secret })),
    anyWord.map((word) => ({ data: { argv: ['run', '--password', `Zq ${word}`, 'file'] }, secret: word })),
    anyWord.map((word) => ({ data: { nested: { dbPassword: `Zq ${word}` } }, secret: word })),
    anyWord.map((word) => ({ data: { environment: { HOME: word } }, secret: word })),
    key.map((secret) => ({ data: { [secret]: 1 }, secret })),
  )
  fc.assert(
    fc.property(data, ({ data, secret }) => {
      const { value, removed } = redactData(data)
      return !JSON.stringify(value).includes(secret) && !JSON.stringify(removed).includes(secret)
    }),
    { seed, numRuns: 2000 },
  )
  t.end()
})

t.test('a second time changes nothing, and lines stay lines', (t) => {
  const anything = fc.array(
    fc.oneof(
      surroundings,
      planted.map(({ text }) => text),
      fc.constantFrom('password', '=', ':', '"', ' ', '--token', '@', '://', '-----BEGIN PRIVATE KEY-----'),
    ),
  )
  fc.assert(
    fc.property(anything, (parts) => {
      const text = parts.join('')
      const once = redactText(text)
      const twice = redactText(once.value)
      return (
        twice.value === once.value &&
        twice.removed.length === 0 &&
        once.value.split('\n').length === text.split('\n').length
      )
    }),
    { seed, numRuns: 5000 },
  )
  t.end()
})

t.test('text and data without secrets come back as they are', (t) => {
  fc.assert(
    fc.property(fc.lorem({ mode: 'sentences' }), (text) => redactText(text).value === text),
    { seed },
  )
  fc.assert(
    fc.property(
      fc
        .jsonValue({ noUnicodeString: false })
        .filter((json) => !/["=:](?:env|pass|token|pwd)/i.test(JSON.stringify(json))),
      (json) => {
        const { value, removed } = redactData(json)
        return removed.length === 0 && JSON.stringify(value) === JSON.stringify(json)
      },
    ),
    { seed, numRuns: 300 },
  )
  t.end()
})

t.test('the id of an incident is no secret, whatever chance made of it', (t) => {
  const id = fc
    .tuple(
      fc.date({ min: new Date(0), max: new Date(1e13), noInvalidDate: true }),
      fc.constantFrom('web', 'api.v2', 'Db_1-x'),
    )
    .map(([at, service]) => makeId(service, at))
  fc.assert(
    fc.property(id, (id) => redactText(`incident ${id} is closed`).removed.length === 0),
    { seed, numRuns: 2000 },
  )
  t.same(redactText(`20261121T113743930Z-${'0123456789abcdef'.repeat(2)}-1c00d2`).removed.length, 1)
  t.end()
})

t.test('no text takes long, also one that was made to', (t) => {
  const size = 300_000
  const texts = [
    'a',
    'password',
    'password=',
    '"',
    '-',
    '--token ',
    'http://a:',
    '/',
    'eyJa.',
    '-----BEGIN PRIVATE KEY-----',
    ' -p',
    'mysql ',
    'a:@',
    '_Z',
  ].map((part) => part.repeat(size / part.length))
  for (const text of texts) {
    const from = process.cpuUsage().user
    redactText(text)
    const ms = (process.cpuUsage().user - from) / 1000
    t.ok(ms < 20_000, `${text.slice(0, 12)}: ${Math.round(ms)} ms of CPU`)
  }
  t.end()
})
