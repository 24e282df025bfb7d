import { spawn } from 'node:child_process'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { eventsCommand } from '../../src/cli/events.js'
import { type Emitted, toRecord } from '../../src/event/event.js'
import { encodeLine } from '../../src/event/history-line.js'
import { eventually, temporaryDirectory, temporaryState } from '../control/support.js'
import { openScreenshot, runCommand } from './support.js'

const start = Date.UTC(2026, 0, 1)

function line(event: Emitted, second: number): string {
  return encodeLine(toRecord(event, new Date(start + second * 1000)))
}

const says = (service: string, text: string): Emitted => ({ name: 'service-status', service, parameters: { text } })
const lost = (service: string): Emitted => ({ name: 'source-lost', service, parameters: { reason: 'gone' } })

function writeHistory(t: Parameters<typeof temporaryState>[0]): string {
  const state = temporaryState(t)
  writeFileSync(
    join(state, 'events', 'main.jsonl'),
    line(says('web', 'one'), 1) + line(lost('web'), 3) + line(says('db', 'x'), 4),
  )
  writeFileSync(join(state, 'events', 'other.jsonl'), line(says('mail', '\u001b[2Jtwo'), 2))
  return state
}

t.test('events of all instances come in order, one a line, with what a service says made safe', async (t) => {
  const { stdout } = await runCommand(eventsCommand, ['events', '--state-dir', writeHistory(t)])
  t.equal(stdout.lines.length, 4)
  t.match(stdout.lines[0], /^2026-.*information {2}15806 {2}web: The service says: one$/)
  t.match(stdout.lines[1], /mail: The service says: \\x1b\[2Jtwo$/)
  t.match(stdout.lines[2], /warning +15842 {2}web: The heartbeat source is not working: gone$/)
})

t.test('--json gives the records, and each filter leaves out the rest', async (t) => {
  const state = writeHistory(t)
  const services = async (...args: string[]): Promise<unknown[]> => {
    const { stdout } = await runCommand(eventsCommand, ['events', '--json', '--state-dir', state, ...args])
    return stdout.objects.map((event) => event.service)
  }
  t.strictSame(await services(), ['web', 'mail', 'web', 'db'])
  t.strictSame(await services('--service', 'web'), ['web', 'web'])
  t.strictSame(await services('--id', '15842'), ['web'])
  t.strictSame(await services('--level', 'warning'), ['web'])
  t.strictSame(await services('--since', '2026-01-01T00:00:03Z'), ['web', 'db'])
  t.strictSame(await services('--since', '2026-01-01T00:00:03Z', '--service', 'db'), ['db'])
})

t.test('damaged lines are reported and the rest is shown', async (t) => {
  const state = writeHistory(t)
  appendFileSync(join(state, 'events', 'main.jsonl'), `garbage\n${line(says('web', 'after'), 9)}torn`)
  const plain = await runCommand(eventsCommand, ['events', '--state-dir', state])
  t.equal(plain.stdout.lines.length, 5)
  t.match(plain.stderr.text, /^hangdog: The event history main\.jsonl has 2 damaged lines; they were skipped\.\n$/)
  const json = await runCommand(eventsCommand, ['events', '--json', '--state-dir', state])
  t.match(
    json.stdout.objects.filter((event) => event.name === 'history-torn'),
    [{ id: 15852, parameters: { file: 'main.jsonl', lines: 2 } }],
  )
  t.equal(json.exitCode, 0)
})

t.test('bad arguments are refused by name', async (t) => {
  const state = writeHistory(t)
  const run = (...args: string[]): Promise<unknown> =>
    runCommand(eventsCommand, ['events', '--state-dir', state, ...args])
  await t.rejects(run('--id', 'x'), { code: 'usage', message: /--id "x"/ })
  await t.rejects(run('--id', '1'), { code: 'usage' })
  await t.rejects(run('--since', 'noon'), { code: 'usage', message: /--since "noon"/ })
  await t.rejects(run('--level', 'loud'), { code: 'commander.invalidArgument' })
  await t.rejects(run('--levle', 'x'), { code: 'commander.unknownOption' })
  const none = join(temporaryDirectory(t), 'none')
  await t.rejects(runCommand(eventsCommand, ['events', '--state-dir', none]), { code: 'unavailable' })
})

t.test('--follow goes on with new events until the reader leaves', async (t) => {
  const state = writeHistory(t)
  const ran = openScreenshot()
  const following = runCommand(eventsCommand, ['events', '--follow', '--json', '--state-dir', state], ran)
  await eventually(() => ran.stdout.objects.length === 4, 'the old events')
  appendFileSync(join(state, 'events', 'main.jsonl'), line(says('web', 'new'), 10))
  await eventually(() => ran.stdout.objects.length === 5, 'the new event')
  ran.stdout.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }))
  await following
  t.match(ran.stdout.objects[4], { parameters: { text: 'new' } })
})

/** Runs a command in a process of its own, from its source. */
function spawnEvents(...args: string[]): ReturnType<typeof spawn> {
  const script = `
    const { eventsCommand } = await import(${JSON.stringify(new URL('../../src/cli/events.ts', import.meta.url).href)})
    await eventsCommand().parseAsync(${JSON.stringify(args)}, { from: 'user' })`
  return spawn(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

t.test('a pipe that is closed early leaves no stack trace', async (t) => {
  const state = temporaryState(t)
  const many = Array.from({ length: 20_000 }, (_, second) => line(says('web', 'x'.repeat(100)), second)).join('')
  writeFileSync(join(state, 'events', 'main.jsonl'), many)
  const child = spawnEvents('--state-dir', state)
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  child.stdout?.once('data', () => child.stdout?.destroy())
  const code = await new Promise((resolve) => child.once('close', resolve))
  t.equal(code, 0)
  t.notMatch(stderr, /EPIPE|Error/)
})

t.test('Ctrl-C ends following with 0', async (t) => {
  const child = spawnEvents('--follow', '--state-dir', writeHistory(t))
  let stdout = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve([code, signal])))
  await eventually(() => stdout.split('\n').length > 4, 'it follows')
  child.kill('SIGINT')
  t.strictSame(await ended, [0, null])
})
