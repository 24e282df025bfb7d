import t from 'tap'
import { refuseByDefinition } from '../../src/property/bounds.js'
import { definitions, definitionsOf, findDefinition, propertyProfiles } from '../../src/property/definitions.js'
import { defaultPolicy, recoveryActions, shortestLimit } from '../../src/watch/policy.js'
import { definitionOf } from './support.js'

const defaultOf = (name: string): unknown => findDefinition(name)?.default.value

t.test('every default is one that its definition takes, in every profile', async (t) => {
  for (const profile of propertyProfiles) {
    for (const definition of definitionsOf(profile)) {
      t.equal(refuseByDefinition(definition, definition.default), undefined, `${profile} ${definition.name}`)
    }
  }
})

t.test('looking a definition up makes nothing anew, whatever the profile', async (t) => {
  for (const profile of propertyProfiles) {
    t.equal(definitionsOf(profile), definitionsOf(profile))
    t.equal(findDefinition('samesubnetdelay', profile), findDefinition('SameSubnetDelay', profile))
    t.ok(definitionsOf(profile).every((each) => findDefinition(each.name.toUpperCase(), profile) === each))
    t.equal(findDefinition('ClusSvcHangTimeout', profile)?.name, 'ClusSvcHeartbeatTimeout')
  }
  for (const name of ['constructor', '__proto__', '']) t.equal(findDefinition(name), undefined)
})

t.test('a number has bounds, and a text has none', async (t) => {
  for (const { name, format, minimum, maximum } of definitions) {
    if (format === 'DWORD') t.ok(minimum !== undefined && maximum !== undefined && minimum <= maximum, name)
    else t.strictSame([format, minimum, maximum], ['SZ', undefined, undefined], name)
  }
})

t.test('no name stands twice, not even in another case, and each definition has a sentence and a source', async (t) => {
  const names = definitions.map(({ name }) => name.toLowerCase())
  t.equal(new Set(names).size, names.length)
  for (const { name, meaning, source } of definitions) {
    t.match(name, /^[A-Z][A-Za-z]+$/)
    t.match(meaning, /^[A-Z].*\.$/, name)
    t.not(source, '', name)
  }
})

t.test('the two properties of MSCS have its bounds and defaults', async (t) => {
  const { source: _, meaning: __, ...timeout } = findDefinition('ClusSvcHeartbeatTimeout') ?? {}
  t.match(timeout, { format: 'DWORD', minimum: 6, maximum: 0xffffffff, default: { value: 60 }, unit: 's' })
  const action = findDefinition('HangRecoveryAction')
  t.match(action, { format: 'DWORD', minimum: 0, maximum: 3, default: { value: 3 } })
  t.strictSame(
    Object.entries(action?.words ?? {}).slice(0, 4),
    ['Disable', 'Log', 'TerminateService', 'BugCheckMachine'].map((word, at) => [`ClussvcHangAction${word}`, at]),
  )
  for (const [at, word] of recoveryActions.entries()) t.equal(action?.words?.[word], at)
})

t.test('all heartbeat properties of a cluster are known', async (t) => {
  const known = definitions.filter(({ usedBy }) => usedBy === 'cluster').map(({ name }) => name)
  t.equal(known.length, 29)
  t.match(findDefinition('SameSubnetDelay'), { minimum: 250, maximum: 2000, default: { value: 1000 }, unit: 'ms' })
  t.match(findDefinition('ClusterLogSize'), { minimum: 8, maximum: 1024, default: { value: 300 }, unit: 'MB' })
  const readOnly = definitions.filter(({ access }) => access === 'read-only').map(({ name }) => name)
  t.strictSame(readOnly, [
    'ClusSvcRegroupOpeningTimeout',
    'ClusSvcRegroupPruningTimeout',
    'ClusSvcRegroupStageTimeout',
    'ClusSvcRegroupTickInMilliseconds',
  ])
})

t.test('what the core has a default for has the same default here', async (t) => {
  const { holds } = defaultPolicy
  const expected: Readonly<Record<string, unknown>> = {
    ClusSvcHeartbeatTimeout: defaultPolicy.heartbeatTimeout / 1000,
    ServiceStartTimeout: defaultPolicy.startTimeout,
    EvidenceTimeout: defaultPolicy.evidenceTimeout,
    CoreDump: findDefinition('CoreDump')?.words?.[defaultPolicy.coreDump],
    CoreDumpTimeout: defaultPolicy.coreDumpTimeout,
    CoreDumpLimit: defaultPolicy.coreDumpLimit,
    TerminateTimeout: defaultPolicy.terminateTimeout,
    TerminateSignal: defaultPolicy.terminateSignal,
    KillTimeout: defaultPolicy.killTimeout,
    StopTimeout: defaultPolicy.stopTimeout,
    HangWarningPercent: defaultPolicy.warningPercent,
    HangEscalation: findDefinition('HangEscalation')?.words?.[defaultPolicy.escalation],
    ShadowMode: Number(defaultPolicy.shadow),
    HoldStoppedTimeout: holds.stopped,
    HoldTracedTimeout: holds.traced,
    HoldFrozenTimeout: holds.frozen,
    HoldStarvedTimeout: holds.starved,
  }
  for (const [name, value] of Object.entries(expected)) t.equal(defaultOf(name), value, name)
})

t.test('the older defaults are those of Windows 2000 and 2003', async (t) => {
  const older = definitionsOf('windows2003')
  t.equal(older.length, definitions.length)
  t.equal(findDefinition('HangRecoveryAction', 'windows2003')?.default.value, 2)
  t.equal(findDefinition('HangRecoveryAction')?.default.value, 3)
  const differing = older.filter(({ name, default: { value } }) => value !== defaultOf(name)).map(({ name }) => name)
  t.strictSame(differing, [
    'HangRecoveryAction',
    'SameSubnetDelay',
    'SameSubnetThreshold',
    'CrossSubnetDelay',
    'CrossSubnetThreshold',
    'QuorumArbitrationTimeMax',
  ])
})

t.test('a definition is found in any case, and by the newer name of the timeout', async (t) => {
  t.equal(findDefinition('hangrecoveryACTION')?.name, 'HangRecoveryAction')
  t.equal(findDefinition('ClusSvcHangTimeout')?.name, 'ClusSvcHeartbeatTimeout')
  t.equal(findDefinition('ClusSvcHangTimeout', 'windows2003')?.name, 'ClusSvcHeartbeatTimeout')
  for (const name of ['', 'Nope', '__proto__', 'constructor', 'HangRecoveryAction '])
    t.equal(findDefinition(name), undefined)
})

t.test('checks that are not bounds', async (t) => {
  const refusal = (name: string, value: number | string): string | undefined => {
    return refuseByDefinition(
      definitionOf(name),
      typeof value === 'number' ? { format: 'DWORD', value } : { format: 'SZ', value },
    )
  }
  for (const value of [0, shortestLimit, 0xffffffff]) t.equal(refusal('HeartbeatTimeoutMilliseconds', value), undefined)
  for (const value of [1, shortestLimit - 1])
    t.match(refusal('HeartbeatTimeoutMilliseconds', value), /20 to 4294967295/)
  t.equal(refusal('TerminateSignal', 'SIGABRT'), undefined)
  for (const value of ['', 'SIGNOPE', '15', 'toString']) t.match(refusal('TerminateSignal', value), /a signal by name/)
  t.equal(refusal('TerminateSignal', 15), 'the format SZ')
})
