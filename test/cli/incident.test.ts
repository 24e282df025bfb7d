import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { incidentCommand } from '../../src/cli/incident.js'
import { widthOf } from '../../src/cli/table.js'
import { createIncidentLog } from '../../src/incident/incident-log.js'
import { systemClock } from '../../src/system-clock.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import type { IncidentRecord } from '../../src/watch/incident.js'
import { temporaryState } from '../control/support.js'
import { openScreenshot, runCommand, Screenshot } from './support.js'

const captured = (name: string, content: unknown): Exhibit => ({ kind: 'captured', name, tookMs: 12, content })

const idle = { name: 'pool', state: 'S', waitChannel: 'futex_do_wait', syscall: 'futex()' }
const thread = {
  tid: 42,
  name: 'node',
  state: 'R',
  waitChannel: '',
  syscall: 'running',
  kernelStack: ['a+0x1', 'b+0x2'],
}
const processContent = {
  pid: 42,
  status: { State: 'R (running)', VmRSS: '5 kB' },
  threads: { count: 3, threads: [thread, { ...idle, tid: 43 }, { ...idle, tid: 44 }] },
}

const exhibits: readonly Exhibit[] = [
  captured('pressure', { loadAverage: 'early', cpu: '' }),
  captured('vitals', { load: { percent: 50, byCpu: [1, 2] }, memory: { MemTotal: '8 kB' } }),
  { kind: 'missing', name: 'native-stack', tookMs: 3, reason: 'gdb is\nnot there' },
  captured('pressure', { loadAverage: 'late', cpu: 'some' }),
  captured('output', ['first line', '\u001b]0;title\u0007last line']),
  captured('process', processContent),
  captured('javascript-stack', {
    frames: [
      { function: 'spin', url: 'file:///srv/web.js', line: 7, column: 3 },
      { function: 'main', url: 'file:///srv/web.js', line: 20, column: 1 },
    ],
  }),
]

async function openIncident(state: string, service = 'web'): Promise<IncidentRecord> {
  const log = createIncidentLog({
    directory: join(state, 'incidents'),
    clock: systemClock,
    hangdogVersion: '1.2.3',
    failed: (_, error) => t.fail(error),
  })
  t.teardown(() => log.close())
  return log.open({
    service,
    command: 'node web.js',
    pid: 42,
    channel: 'main',
    limitMs: 6000,
    silentMs: 6100,
    action: 'terminate',
    hang: { kind: 'busy-loop', cpuPercent: 99 },
  })
}

async function fullIncident(state: string): Promise<IncidentRecord> {
  const record = await openIncident(state)
  await record.attach(exhibits)
  await record.step('SIGTERM is sent')
  await record.close('terminated')
  return record
}

t.test('show tells what, why, what was done and how it ended, the most telling evidence first', async (t) => {
  const state = temporaryState(t)
  const { id } = await fullIncident(state)
  const { stdout } = await runCommand(incidentCommand, ['incident', 'show', id, '--state-dir', state])
  const { text } = stdout
  t.match(stdout.lines[0], `Incident ${id}`)
  t.match(text, /service +web \(pid 42\): node web\.js\n/)
  t.match(text, /Cause\n {2}busy loop in spin \(web\.js:7\), process on CPU 99 %\n {2}Rests on: JavaScript stack\.\n/)
  t.match(text, /hang +nothing was heard on channel main for 6\.1s \(limit 6s\)\n/)
  t.match(text, /outcome +terminated\n/)
  t.match(text, /next start +none is on record\n/)
  t.match(text, /last beat .* \+0ms\n {2}limit .* \+6s\n {2}verdict .* \+6\.1s\n {2}closed .* \+6\.\d+s\n/)
  t.match(text, / {2}\+6\.\d+s +SIGTERM is sent\n/)
  t.match(text, / {2}at spin \(file:\/\/\/srv\/web\.js:7:3\)\n/)
  t.match(
    text,
    / {2}42 node \(R\): running\n {2}43 and 1 more pool \(S\): futex\(\), waits in kernel function futex_do_wait\n {2}kernel stack of the main thread:\n {4}a\+0x1\n/,
  )
  t.match(text, / {2}\\x1b\]0;title\\x07last line\n/)
  t.match(text, /Not captured\n {2}Native stacks: gdb is\\nnot there\n/)
  const order = [
    'JavaScript stack',
    'Process and threads',
    'Last output',
    'Pressure of the machine (taken',
    'Vitals',
    'Native stacks',
  ]
  const places = order.map((title) => text.indexOf(title))
  t.notOk(places.includes(-1), String(places))
  t.strictSame(
    places,
    [...places].sort((a, b) => a - b),
  )
})

t.test('show --json has all of it, with the contents', async (t) => {
  const state = temporaryState(t)
  const { id } = await fullIncident(state)
  const { stdout } = await runCommand(incidentCommand, [
    'incident',
    'show',
    '--json',
    id.slice(0, 20),
    '--state-dir',
    state,
  ])
  const [report] = stdout.objects
  t.equal(stdout.lines.length, 1)
  t.match(report, {
    id,
    state: 'closed',
    outcome: 'terminated',
    hang: { kind: 'busy-loop' },
    steps: [{ text: 'SIGTERM is sent' }],
  })
  t.match(report?.evidence, [
    { name: 'javascript-stack', taken: 'at-expiry', content: { frames: [{ line: 7 }] } },
    { name: 'process', content: { pid: 42 } },
  ])
})

t.test('a cause that was named at the time is the cause', async (t) => {
  const state = temporaryState(t)
  const record = await openIncident(state)
  await record.attach([captured('cause', 'it waits for the printer')])
  const { stdout } = await runCommand(incidentCommand, ['incident', 'show', record.id, '--state-dir', state])
  t.match(stdout.text, /Cause\n {2}it waits for the printer\n/)
  t.equal(stdout.text.split('printer').length, 2, 'said once')
})

/** A record as `HangDesk` keeps it: the light capture first, then the rest. */
async function grownIncident(state: string, more: readonly Exhibit[] = []): Promise<string> {
  const record = await openIncident(state)
  const early = { at: '2026-01-01T00:00:00.000Z', silentMs: 3000 }
  const young = { ...processContent, status: { State: 'S (sleeping)', VmRSS: '5 kB' } }
  await record.attach(
    [captured('beginning', 'main thread asleep'), captured('process', young), captured('dials', { x: 'young' })],
    early,
  )
  await record.attach([captured('cause', 'stuck in frobnicate() on /run/x'), ...exhibits, ...more])
  return record.id
}

async function show(state: string, id: string, options: readonly string[] = [], columns?: number): Promise<string> {
  const ran =
    columns === undefined ? openScreenshot() : openScreenshot(new Screenshot(true, columns), { NO_COLOR: '1' })
  await runCommand(incidentCommand, ['incident', 'show', id, ...options, '--state-dir', state], ran)
  return ran.stdout.text
}

t.test('the beginning of a hang stands next to the hang', async (t) => {
  const state = temporaryState(t)
  const id = await grownIncident(state)
  const text = await show(state, id)
  t.match(text, /How it began\n +AT THE WARNING +AT THE HANG\n/)
  t.match(text, /silent for +3s \(.*\) +6\.1s \(.*\)\n/)
  t.match(text, /state +S \(sleeping\) +R \(running\)\n/)
  t.match(text, /memory +5 kB +the same\n/)
  t.match(text, /warning .* \+3s\n/)
  t.match(text, /Dials \(at the warning\)\n {2}x: young\n/, 'what is there once only is not lost')
  t.notMatch(text, /In one line/)
  t.match(await show(state, id, ['--all']), /In one line \(at the warning\)\n {2}main thread asleep\n/)
  const narrow = await show(state, id, [], 60)
  t.match(narrow, /state\n {4}at the warning: S \(sleeping\)\n {4}at the hang: {4}R \(running\)\n/)
  t.match(narrow, /memory: 5 kB, both times\n/)
})

t.test('an exhibit that nobody knows is shown, and first when the cause rests on it', async (t) => {
  const state = temporaryState(t)
  const id = await grownIncident(state, [captured('gear-box', { call: 'frobnicate()', path: '/run/x', teeth: [1, 2] })])
  const text = await show(state, id)
  t.match(text, /Rests on: Gear box\.\n/)
  t.match(text, /Gear box \(taken in 12ms\)\n {2}call: frobnicate\(\)\n/)
  t.ok(text.indexOf('Gear box (') < text.indexOf('JavaScript stack ('))
})

t.test('long evidence is folded, and --all has it whole', async (t) => {
  const state = temporaryState(t)
  const lines = Array.from({ length: 300 }, (_, at) => `line ${at};`)
  const id = await grownIncident(state, [captured('heap', lines)])
  const folded = await show(state, id)
  t.match(folded, /- line 24;\n {2}… 275 more lines: hangdog incident show \S+ --all\n/)
  t.notMatch(folded, 'line 25;')
  t.match(await show(state, id, ['--all']), 'line 299;')
})

t.test('no line is wider than the terminal, and nothing captured reaches it as it is', async (t) => {
  const state = temporaryState(t)
  const nasty = [
    '\u001b[2J\u202e\u200f\u0085',
    `${'w'.repeat(300)} end`,
    '漢字'.repeat(60),
    '\u0000\u0001\ufffd\u0002'.repeat(10),
  ]
  const id = await grownIncident(state, [captured('no\u001b[1mise', nasty), captured('output', nasty)])
  for (const columns of [40, 60, 100, 160]) {
    const text = await show(state, id, ['--all'], columns)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\ufeff]/)
    // The table of the beginning cuts its last column only; what stands there is short.
    const wide = text.split('\n').filter((line) => widthOf(line) > columns && !line.includes('hangdog incident show'))
    t.same(wide, [], `${columns} columns`)
    t.match(text.replaceAll(/\s+/g, ''), 'No\\x1b[1mise')
    t.match(text.replaceAll(/\s+/g, ' '), /\(binary data, 40 characters/)
  }
})

t.test('a judgement in the record is shown with its clocks, and a torn one harms nothing', async (t) => {
  const state = temporaryState(t)
  const { id } = await fullIncident(state)
  const file = join(state, 'incidents', id, 'incident.json')
  const opened = JSON.parse(readFileSync(file, 'utf8'))
  const clocks = {
    limitMs: 6000,
    silentMs: 6100,
    sinceWarning: { ownMs: 3000, monotonicMs: 5000, bootMs: 5000, wallMs: -3_595_000, stallMs: 2000 },
  }
  writeFileSync(
    file,
    JSON.stringify({ ...opened, judgement: { at: opened.openedAt, rule: 'cpu-share', reason: 'why\u001b', clocks } }),
  )
  const text = await show(state, id)
  t.match(text, /rule +cpu-share: why\\x1b\n/)
  t.match(text, /the wall clock was set back by 1h meanwhile/)
  t.match(text, /hangdog itself did not run for 2s of it/)
  for (const torn of [{}, { clocks: { sinceWarning: {} } }, { clocks: null, readingAtWarning: 7 }]) {
    writeFileSync(file, JSON.stringify({ ...opened, silentMs: 'x', judgement: torn }))
    t.match(await show(state, id), 'Incident')
  }
})

t.test('list has one line an incident, and damaged ones among them', async (t) => {
  const state = temporaryState(t)
  const first = await fullIncident(state)
  const second = await openIncident(state, 'db')
  const damaged = await openIncident(state, 'zzz')
  writeFileSync(join(state, 'incidents', damaged.id, 'incident.json'), '{')
  const { stdout } = await runCommand(incidentCommand, ['incident', 'list', '--state-dir', state])
  const rest = stdout.lines.slice(1).sort()
  t.equal(rest.length, 3)
  t.ok(rest.some((line) => line.startsWith(first.id) && /web +terminated +busy loop in spin/.test(line)))
  t.ok(rest.some((line) => line.startsWith(second.id) && /db +open +unknown: busy/.test(line)))
  t.ok(rest.some((line) => line.startsWith(damaged.id) && /damaged/.test(line)))
  const json = await runCommand(incidentCommand, ['incident', 'list', '--json', '--state-dir', state])
  t.strictSame(json.stdout.objects.map((each) => each.state).sort(), ['closed', 'damaged', 'open'])
  await t.rejects(runCommand(incidentCommand, ['incident', 'show', damaged.id, '--state-dir', state]), {
    code: 'data',
    message: /its record is damaged/,
  })
})

t.test('no incidents is no error', async (t) => {
  const state = temporaryState(t)
  rmSync(join(state, 'incidents'), { recursive: true })
  t.equal(
    (await runCommand(incidentCommand, ['incident', 'list', '--state-dir', state])).stdout.text,
    'No incidents.\n',
  )
  const json = await runCommand(incidentCommand, ['incident', 'list', '--json', '--state-dir', state])
  t.equal(json.stdout.text, '')
})

t.test('an id that none has, or several begin with, is refused', async (t) => {
  const state = temporaryState(t)
  await openIncident(state)
  await openIncident(state)
  const show = (id: string): Promise<unknown> =>
    runCommand(incidentCommand, ['incident', 'show', id, '--state-dir', state])
  await t.rejects(show('nope'), { code: 'usage', message: /"nope"/ })
  await t.rejects(show('2'), { code: 'usage', message: /2 begin so/ })
})

t.test('a record that was tampered with shows no other files, and what cannot be read says so', async (t) => {
  const state = temporaryState(t)
  const record = await openIncident(state)
  const path = join(state, 'incidents', record.id)
  const entry = (name: string, file: string): string =>
    `${JSON.stringify({ kind: 'captured', name, tookMs: 1, file, cut: false })}\n`
  writeFileSync(join(state, 'secret.txt'), 'secret')
  writeFileSync(
    join(path, 'evidence.jsonl'),
    `${entry('a', 'evidence/../../../secret.txt')}${entry('b', 'evidence/gone.txt')}torn`,
  )
  const ran = await runCommand(incidentCommand, ['incident', 'show', record.id, '--state-dir', state], openScreenshot())
  t.notMatch(ran.stdout.text, /secret\n/)
  t.match(ran.stdout.text, /cannot be read: it is not a file of the incident\n/)
  t.match(ran.stdout.text, /cannot be read: ENOENT/)
  t.match(ran.stderr.text, /1 damaged lines/)
})

const aftermath = {
  joinedAt: '2026-11-21T07:50:00.000Z',
  bootThen: 'aaa',
  bootNow: 'bbb',
  sameBoot: false,
  end: { kind: 'bugcheck-panic', by: 'crash-dump', incident: 'x' },
  summary: 'The kernel panicked by our bugcheck for this incident, says the crash dump.',
  kernelRecords: [
    {
      source: '/sys/fs/pstore/dmesg-efi-1',
      reason: 'panic',
      writtenAt: '2026-11-21T07:49:00.000Z',
      named: false,
      file: null,
      cut: false,
    },
  ],
  crashDumps: [
    {
      directory: '/var/crash/1',
      image: { path: '/var/crash/1/dump.1', bytes: 7, complete: false },
      log: '/var/crash/1/dmesg.1',
      writtenAt: '2026-11-21T07:49:00.000Z',
      named: true,
      file: 'aftermath/01-crash-dmesg.txt',
      cut: false,
    },
  ],
  watchdogs: [{ name: 'watchdog0', identity: 'x\u001b', bootStatus: 32, flags: ['reset-by-watchdog'] }],
  resetReason: 'reset reason: x',
  commandLine: 'quiet',
  missing: [{ name: 'record of logins', reason: 'EACCES' }],
}

t.test('what the machine remembers is shown with the incident, and its kind is in the list', async (t) => {
  const state = temporaryState(t)
  const record = await openIncident(state)
  await record.close('terminated')
  writeFileSync(join(state, 'incidents', record.id, 'aftermath.json'), JSON.stringify(aftermath))
  const run = (...words: string[]) => runCommand(incidentCommand, ['incident', ...words, '--state-dir', state])
  const shown = (await run('show', record.id)).stdout.text
  for (const expected of [
    /machine +The kernel panicked by our bugcheck/,
    /boot +aaa then, bbb when it was found/,
    /crash dump of .* in \/var\/crash\/1, names this incident/,
    /memory: \/var\/crash\/1\/dump.1 \(7 bytes, incomplete\)/,
    /record in pstore \(panic\) of .*, of the time of this incident: \/sys\/fs\/pstore\/dmesg-efi-1/,
    /watchdog0 \(x\S*\): boot status 0x20, reset-by-watchdog/,
    /missing: record of logins: EACCES/,
  ]) {
    t.match(shown, expected)
  }
  t.notMatch(shown, '\u001b')
  t.match((await run('show', record.id, '--json')).stdout.objects, [{ aftermath }])
  t.match((await run('list')).stdout.text, /terminated: bugcheck-panic/)
  t.match((await run('list', '--json')).stdout.objects, [{ outcome: 'terminated', end: 'bugcheck-panic' }])
})

t.test('a damaged aftermath does not hide the incident', async (t) => {
  const state = temporaryState(t)
  const record = await openIncident(state)
  writeFileSync(join(state, 'incidents', record.id, 'aftermath.json'), '{')
  const { stdout } = await runCommand(incidentCommand, ['incident', 'show', record.id, '--state-dir', state])
  t.match(stdout.text, /machine +cannot be read/)
  t.match(stdout.text, /busy-loop/)
})
