import t from 'tap'
import { checkAssignment, checkOnce, checkReset, checkValue } from '../../src/property/change.js'
import { type ChangeContext, findName } from '../../src/property/change-target.js'
import { checkServiceName } from '../../src/property/service-name.js'
import type { PropertyChange } from '../../src/property/store.js'
import { parseAssignment } from '../../src/property/value-text.js'
import { dword, snapshotOf, sz } from './support.js'

const root: ChangeContext = { stored: snapshotOf(), user: 0 }
const web: ChangeContext = { ...root, service: 'web' }

const assign = (text: string, context = root): PropertyChange => checkAssignment(parseAssignment(text), context)

t.test('an assignment becomes a change, spelt as in the definition', async (t) => {
  const accepted: readonly [string, ChangeContext, PropertyChange][] = [
    ['hangrecoveryaction=2', root, { name: 'HangRecoveryAction', value: dword(2) }],
    ['HangRecoveryAction=0x1', web, { service: 'web', name: 'HangRecoveryAction', value: dword(1) }],
    ['HangRecoveryAction=clussvchangactiondisable', root, { name: 'HangRecoveryAction', value: dword(0) }],
    ['HangRecoveryAction=BugCheck', root, { name: 'HangRecoveryAction', value: dword(3) }],
    ['SameSubnetDelay=2000:DWORD', root, { name: 'SameSubnetDelay', value: dword(2000) }],
    ['ClusSvcHangTimeout=6', root, { name: 'ClusSvcHeartbeatTimeout', value: dword(6) }],
    ['ClusSvcHeartbeatTimeout=4294967295', root, { name: 'ClusSvcHeartbeatTimeout', value: dword(0xffffffff) }],
    ['TerminateSignal=SIGINT:string', web, { service: 'web', name: 'TerminateSignal', value: sz('SIGINT') }],
    [
      'HeartbeatTimeoutMilliseconds=500',
      web,
      { service: 'web', name: 'HeartbeatTimeoutMilliseconds', value: dword(500) },
    ],
    ['BugCheckConsent=1', root, { name: 'BugCheckConsent', value: dword(1) }],
    ['BugCheckConsent=1', { ...root, user: undefined }, { name: 'BugCheckConsent', value: dword(1) }],
  ]
  for (const [text, context, change] of accepted) t.strictSame(assign(text, context), change, text)
})

const heartbeat = 'cannot set property "ClusSvcHeartbeatTimeout": expected 6 to 4294967295 s, not'

t.test('what cannot be is refused, with what was expected', async (t) => {
  const refused: readonly [string, ChangeContext, string | RegExp][] = [
    ['ClusSvcHeartbeatTimeout=5', root, `${heartbeat} 5`],
    ['ClusSvcHeartbeatTimeout=4294967296', root, `${heartbeat} 4294967296`],
    ['ClusSvcHeartbeatTimeout=-6', root, `${heartbeat} -6`],
    ['ClusSvcHeartbeatTimeout=6.5', root, `${heartbeat} 6.5`],
    ['ClusSvcHeartbeatTimeout=1e3', root, `${heartbeat} "1e3"`],
    ['ClusSvcHeartbeatTimeout=', root, `${heartbeat} ""`],
    ['ClusSvcHeartbeatTimeout=60:dwrod', root, `${heartbeat} "60:dwrod"`],
    ['ClusSvcHeartbeatTimeout=60:string', root, /expected the format DWORD, not SZ$/],
    [
      'HangRecoveryAction=4',
      root,
      /expected 0 to 3 \(or ClussvcHangActionDisable, .*, disable, log, terminate, bugcheck\), not 4$/,
    ],
    ['HangRecoveryAction=panic', root, /not "panic"$/],
    [
      'HangRecoveryActon=2',
      root,
      /^cannot set property "HangRecoveryActon": expected a known property, such as HangRecoveryAction$/,
    ],
    [
      'Frobnicate=2',
      root,
      /^cannot set property "Frobnicate": expected a known property \("hangdog prop list" shows them\)$/,
    ],
    ['Frobnicate=2:dword', web, /^cannot set property "Frobnicate" of service "web": expected a known property/],
    [
      'BugCheckConsent=1',
      web,
      /"BugCheckConsent" of service "web": expected a property of a service, not one of the whole cluster$/,
    ],
    ['HeartbeatTimeoutMilliseconds=500', root, /expected the name of a service, not none/],
    ['HeartbeatTimeoutMilliseconds=19', web, /expected 0 \(not used\) or 20 to 4294967295 ms, not 19$/],
    ['TerminateSignal=TERM', root, /expected a signal by name that can end a process, such as .*, not "TERM"$/],
    ['TerminateSignal=SIGSTOP', root, /that can end a process, such as SIGTERM or SIGINT, not "SIGSTOP"$/],
  ]
  for (const [text, context, message] of refused)
    t.throws(() => assign(text, context), { code: 'usage', message }, text)
})

t.test('a read-only property, and one for root, are not permitted', async (t) => {
  const user = { ...root, user: 1000 }
  const readOnly =
    'cannot set property "ClusSvcRegroupStageTimeout": expected a property that can be set, not a read-only one'
  t.throws(() => assign('ClusSvcRegroupStageTimeout=5'), { code: 'permission', message: readOnly })
  t.throws(() => assign('ClusSvcRegroupStageTimeout=500'), { code: 'permission', message: readOnly })
  t.throws(() => checkReset('ClusSvcRegroupStageTimeout', root), { code: 'permission' })
  const forRoot = 'cannot set property "BugCheckConsent": expected to be run by root, not by user 1000'
  t.throws(() => assign('BugCheckConsent=1', user), { code: 'permission', message: forRoot })
  t.throws(() => assign('BugCheckConsent=2', user), { code: 'usage' }, 'a wrong value is told first')
  t.throws(() => checkReset('BugCheckConsent', user), { code: 'permission' })
})

t.test('a private property that nobody knows can be made where that is allowed', async (t) => {
  const may = { ...web, mayCreate: true }
  t.strictSame(assign('Note=a b:string', may), { service: 'web', name: 'Note', value: sz('a b') })
  t.strictSame(assign('Note=a b', may), { service: 'web', name: 'Note', value: sz('a b') }, 'a text without a format')
  t.throws(() => checkReset('Note', may), { code: 'usage', message: /^cannot reset property "Note"/ })
  t.throws(() => assign('Note=a b:string', { ...root, mayCreate: true }), { code: 'usage' }, 'not a common one')
  t.throws(() => assign('a/b=1:dword', may), { code: 'usage', message: /expected a name of up to 255 letters/ })
  t.throws(() => assign('a\u001bb=1:dword', may), { code: 'usage' })
  t.throws(() => assign('Note=-1:dword', may), { code: 'usage', message: /property "Note"/ })
})

t.test('without a format nothing is made under a name that is nearly one of ours', async (t) => {
  const may = { ...web, mayCreate: true }
  for (const name of ['HangRecoveryActon', 'BugCheck', 'stoptimeouts']) {
    t.throws(() => assign(`${name}=2`, may), { code: 'usage', message: /expected a known property, such as/ }, name)
    t.match(assign(`${name}=2:dword`, may), { name, value: dword(2) })
  }
})

t.test('an unknown name that others begin with has them all listed', async (t) => {
  const known = 'cannot set property'
  const listed: readonly (readonly [string, string])[] = [
    ['BugCheck', 'BugCheckConsent, BugCheckMinimumUptime, BugCheckLimit or BugCheckPeriod'],
    ['hangw', 'HangWarningPercent'],
    ['Ser', 'ServiceStartTimeout'],
  ]
  for (const [name, names] of listed) {
    const message = `${known} "${name}": expected a known property, such as ${names}`
    t.throws(() => assign(`${name}=1`), { code: 'usage', message })
  }
  t.throws(() => assign('Clu=1'), { message: /such as (\w+, ){4}\w+ and 2 more$/ }, 'but not all of very many')
  t.throws(() => assign('Qu=1'), { message: /"hangdog prop list" shows them/ }, 'nor those of two letters')
})

t.test('a stored private property that nobody knows keeps its spelling and its format', async (t) => {
  const stored = { ...web, stored: snapshotOf({}, { web: { Note: dword(1) } }) }
  t.strictSame(assign('note=7', stored), { service: 'web', name: 'Note', value: dword(7) })
  t.throws(() => assign('note=seven', stored), { code: 'usage' })
  t.strictSame(assign('note=seven:string', stored), { service: 'web', name: 'Note', value: sz('seven') })
  t.strictSame(checkReset('NOTE', stored), { service: 'web', name: 'Note', value: undefined })
  t.equal(findName('NOTE', stored), 'Note')
  t.throws(() => checkReset('Note', { ...stored, service: 'db' }), {
    code: 'usage',
    message: /^cannot reset property "Note" of service "db"/,
  })
  t.throws(() => findName('Note', root), { code: 'usage', message: /^cannot find property "Note": / })
})

t.test('a value with its own format is checked alike, with the error code of where it came from', async (t) => {
  const file = { ...root, code: 'data' } as const
  t.strictSame(checkValue('hangrecoveryaction', dword(1), file), { name: 'HangRecoveryAction', value: dword(1) })
  t.throws(() => checkValue('HangRecoveryAction', dword(4), file), { code: 'data', message: /not 4$/ })
  t.throws(() => checkValue('HangRecoveryAction', sz('1'), file), {
    code: 'data',
    message: /the format DWORD, not SZ$/,
  })
  t.throws(() => checkValue('Nope', sz('1'), file), { code: 'data' })
  t.throws(() => checkValue('X', { format: 'FILETIME', value: 1n }, { ...file, service: 'web', mayCreate: true }), {
    code: 'data',
  })
  const stage = 'ClusSvcRegroupStageTimeout'
  t.throws(() => checkValue(stage, dword(5), file), { code: 'permission' })
})

t.test('going back to the default needs a known name in its place', async (t) => {
  t.strictSame(checkReset('hangrecoveryaction', web), { service: 'web', name: 'HangRecoveryAction', value: undefined })
  t.throws(() => checkReset('Frobnicate', root), { code: 'usage', message: /^cannot reset property "Frobnicate"/ })
  t.throws(() => checkReset('BugCheckLimit', web), { code: 'usage' })
})

t.test('one property twice at once is refused; of two services it is two', async (t) => {
  const one = assign('HangRecoveryAction=1')
  t.throws(() => checkOnce([one, assign('hangrecoveryaction=2')]), {
    code: 'usage',
    message: /expected it once, not twice/,
  })
  t.throws(() => checkOnce([one, one], 'data'), { code: 'data' })
  const twice = [one, assign('HangRecoveryAction=1', web)]
  t.strictSame(checkOnce(twice), twice)
})

t.test('an error does not repeat very long input', async (t) => {
  for (const text of [`HangRecoveryAction=${'9'.repeat(100_000)}`, `${'x'.repeat(100_000)}=1`]) {
    try {
      assign(text)
      t.fail('accepted')
    } catch (error) {
      t.ok(error instanceof Error && error.message.length < 500)
    }
  }
})

t.test('the name of a service is one that a service can have', async (t) => {
  t.equal(checkServiceName('web-1.a_b'), 'web-1.a_b')
  for (const name of ['', '.', 'a b', 'a/b', 'a\n', 'x'.repeat(65)]) {
    t.throws(() => checkServiceName(name), { code: 'usage', message: /^cannot use the service name "/ })
  }
  t.throws(() => checkServiceName('a b', 'data'), { code: 'data' })
})
