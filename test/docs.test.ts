import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { parseDocument } from 'yaml'
import { exitCodes } from '../src/errors.js'
import { parseSuperviseFile } from '../src/supervise-file.js'
import type { RecoveryAction } from '../src/watch/policy.js'
import type { ServiceEvent, ServiceState } from '../src/watch/service-state.js'
import { advance } from '../src/watch/service-step.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const generated = ['cli.md', 'events.md', 'properties.md', 'supervise.schema.json']

function checkDocs(directory: string, environment: NodeJS.ProcessEnv = {}) {
  const args = [join(root, 'tools', 'docs.mjs'), '--check', directory]
  // Node warns of the two colour variables together, and the runner may have set one.
  const { NO_COLOR: _, ...inherited } = process.env
  return spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...inherited, ...environment } })
}

function copyDocs(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'hangdog-docs-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  for (const name of generated) cpSync(join(root, 'docs', name), join(directory, name))
  return directory
}

t.test('what is generated from the code is what the code says, whatever the terminal', (t) => {
  const { status, stderr } = checkDocs(join(root, 'docs'), { COLUMNS: '40', FORCE_COLOR: '1' })
  t.equal(stderr, '')
  t.equal(status, 0)
  t.end()
})

t.test('a stale file and a missing one are named, the others are not, and nothing is changed', (t) => {
  const directory = copyDocs(t)
  const path = join(directory, 'cli.md')
  const changed = readFileSync(path, 'utf8').replace('--hold', '--hodl')
  writeFileSync(path, changed)
  rmSync(join(directory, 'events.md'))
  const { status, stderr } = checkDocs(directory)
  t.equal(status, 1)
  t.match(stderr, 'cli.md')
  t.match(stderr, 'events.md')
  t.notMatch(stderr, 'supervise.schema.json')
  t.equal(readFileSync(path, 'utf8'), changed)
  t.end()
})

t.test('a schema that lacks a key is stale', (t) => {
  const directory = copyDocs(t)
  const path = join(directory, 'supervise.schema.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"ownGroup"', '"owngroup"'))
  const { status, stderr } = checkDocs(directory)
  t.equal(status, 1)
  t.match(stderr, 'supervise.schema.json')
  t.end()
})

t.test('every YAML file that the guides show can be used', (t) => {
  for (const name of ['README.md', join('docs', 'guide.md')]) {
    const examples = [...readFileSync(join(root, name), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm)]
    t.ok(examples.length > 0, `${name} shows one`)
    for (const [, text = ''] of examples) {
      t.equal(parseDocument(text).errors.length, 0)
      t.ok(parseSuperviseFile(text, name).services.length > 0)
    }
  }
  t.end()
})

t.test('the README lists every exit code', (t) => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  for (const code of [...Object.values(exitCodes), 124]) t.match(readme, new RegExp(`^\\| ${code} +\\|`, 'm'))
  t.end()
})

const hang = { kind: 'triggered' } as const
const channel = 'main'
const reason = 'stopped'
const both = [true, false] as const

const states: readonly ServiceState[] = [
  { kind: 'stopped', reason },
  { kind: 'starting' },
  { kind: 'armed' },
  { kind: 'unwatched', why: 'disabled' },
  { kind: 'unwatched', why: 'no-contact' },
  ...both.map((starting) => ({ kind: 'expired', channel, starting, triggered: false }) as const),
  ...both.map((starting) => ({ kind: 'held', channel, reason, starting }) as const),
  { kind: 'reported', channel, hang },
  { kind: 'recovering', channel, hang },
  { kind: 'stuck' },
  ...both.map((announced) => ({ kind: 'stopping', announced }) as const),
  { kind: 'ending' },
  { kind: 'waiting' },
  { kind: 'failed', reason },
]

const events: readonly ServiceEvent[] = [
  { kind: 'spawned' },
  { kind: 'signOfLife', channel },
  { kind: 'limitElapsed', channel },
  { kind: 'triggered' },
  { kind: 'judgedHung', hang },
  { kind: 'judgedHeld', reason, alone: false },
  { kind: 'holdCleared' },
  { kind: 'stallNoticed', reason: 'supervisor-stalled' },
  { kind: 'takenOver', channel, hang },
  { kind: 'recoveryAbandoned' },
  { kind: 'terminationFailed' },
  { kind: 'stopRequested' },
  { kind: 'endAnnounced' },
  { kind: 'disableRequested', why: 'maintenance' },
  { kind: 'enableRequested', opened: false },
  { kind: 'enableRequested', opened: true },
  { kind: 'processExited' },
  ...(['restart', 'stop', 'fail'] as const).map((next) => ({ kind: 'ended', next, reason }) as const),
]

/** Obeyed in any state; the diagram draws them where they come. */
const obeyedAnywhere: ReadonlySet<string> = new Set(['spawned', 'ended'])

/** Every change of state there is, as "from event to". */
function listTransitions(): ReadonlySet<string> {
  const actions: readonly RecoveryAction[] = ['disable', 'log', 'terminate', 'bugcheck']
  const found = new Set<string>()
  for (const before of states) {
    for (const event of events) {
      for (const action of actions) {
        for (const committed of both) {
          const off = action === 'disable' ? 'disabled' : undefined
          const after = advance(before, event, { action, off, committed }).state
          if (after.kind !== before.kind) found.add(`${before.kind} ${event.kind} ${after.kind}`)
        }
      }
    }
  }
  return found
}

function readDiagram(text: string): ReadonlySet<string> {
  const diagram = /^```mermaid\n([\s\S]*?)^```/m.exec(text)?.[1] ?? ''
  const groups = new Map<string, readonly string[]>()
  for (const [, names = '', group = ''] of diagram.matchAll(/state "(.*?)" as (\w+)/g))
    groups.set(group, names.split(', '))
  const drawn = new Set<string>()
  for (const [, from = '', to = '', label = ''] of diagram.matchAll(/^ +(\w+) --> (\w+) : ([\w, ]+)/gm)) {
    for (const state of groups.get(from) ?? [from]) {
      for (const event of label.trim().split(', ')) drawn.add(`${state} ${event} ${to}`)
    }
  }
  return drawn
}

t.test('the state diagram shows all changes of state and no other', (t) => {
  const actual = listTransitions()
  const drawn = readDiagram(readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8'))
  const missing = [...actual].filter((each) => !drawn.has(each) && !obeyedAnywhere.has(each.split(' ')[1] ?? ''))
  t.same(missing, [], 'nothing is missing')
  t.same(
    [...drawn].filter((each) => !actual.has(each)),
    [],
    'nothing is made up',
  )
  t.end()
})
