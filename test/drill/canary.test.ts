import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type CanaryRun, formatNote, parseRecord, unrecordedExitCode } from '../../src/drill/canary-record.js'
import type { HangManner } from '../../src/drill/drill-report.js'
import { eventually } from '../control/support.js'

const program = fileURLToPath(new URL('../../dist/drill/canary.js', import.meta.url))
const beats = 3
const ofAnotherRun = formatNote('beat', 1, 5n) + formatNote('hung', 1, 6n)

interface Canary {
  readonly child: ChildProcess
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>
  heard(): string
  runs(): readonly CanaryRun[]
}

interface Given {
  /** What is in the record already. */
  readonly earlier?: string
  /** Blocks of 512 bytes that a file of the canary can have. */
  readonly most?: number | 'unlimited'
}

/** The real canary, beating to a socket of the test. */
async function start(t: Test, how: HangManner, lifetimeMs: number, given: Given = {}): Promise<Canary> {
  const { earlier = '', most = 'unlimited' } = given
  const directory = mkdtempSync(join(tmpdir(), 'hangdog-canary-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const record = join(directory, 'record')
  writeFileSync(record, earlier)
  let heard = ''
  const server = createServer((socket) => {
    socket.on('data', (chunk) => {
      heard += chunk.toString()
    })
    socket.on('error', () => {})
  })
  const socket = join(directory, 's')
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  t.teardown(() => server.close())
  const args = [program, how, record, String(beats), '20', String(lifetimeMs), 'SIGTERM']
  // Through env -i: what the test runner adds to the environment is not meant for it.
  const command = ['env', '-i', `HANGDOG_SOCKET=${socket}`, 'HANGDOG_TOKEN=secret', process.execPath, ...args]
  const child = spawn('sh', ['-c', `ulimit -f ${most} && exec "$@"`, 'sh', ...command], { stdio: 'ignore' })
  const ended = new Promise<number | string | null>((resolve) =>
    child.on('exit', (code, signal) => resolve(signal ?? code)),
  )
  t.teardown(() => child.kill('SIGKILL'))
  return { child, ended, heard: () => heard, runs: () => parseRecord(readFileSync(record, 'utf8')) }
}

for (const how of ['blocked', 'busy-loop'] as const) {
  t.test(
    `${how}: it beats, writes each beat down, hangs, and does not come to an end when it is asked to`,
    async (t) => {
      const canary = await start(t, how, 120_000)
      await eventually(() => canary.runs()[0]?.hung === true, 'it hangs')
      t.match(canary.runs(), [{ pid: canary.child.pid, beats, hung: true }])
      await eventually(() => canary.heard().split('WATCHDOG=1\n').length === beats + 1, 'all beats have left it')
      t.ok(canary.heard().startsWith('HANGDOG_TOKEN=secret\n'))
      canary.child.kill('SIGTERM')
      t.equal(
        await Promise.race([canary.ended, new Promise((resolve) => setTimeout(resolve, 300, 'still there'))]),
        'still there',
      )
      canary.child.kill('SIGKILL')
      t.equal(await canary.ended, 'SIGKILL')
      t.equal(canary.runs()[0]?.beats, beats, 'nothing more was beaten')
    },
  )

  t.test(`${how}: nobody ends it, so it ends by itself`, async (t) => {
    const canary = await start(t, how, 2000)
    t.equal(await canary.ended, 3)
    t.match(canary.runs(), [{ hung: true }])
  })
}

t.test('the second process of a canary beats and does not hang, and ends when it is asked to', async (t) => {
  const canary = await start(t, 'busy-loop', 120_000, { earlier: ofAnotherRun })
  await eventually(() => (canary.runs()[1]?.beats ?? 0) > 2 * beats, 'it goes on beating')
  t.equal(canary.runs()[1]?.hung, false)
  canary.child.kill('SIGTERM')
  t.equal(await canary.ended, 0)
})

t.test('a lifetime that no timer of Node can have does not end it at once', async (t) => {
  const canary = await start(t, 'blocked', 4_294_967_295_000, { earlier: ofAnotherRun })
  await eventually(() => (canary.runs()[1]?.beats ?? 0) > 2 * beats, 'it goes on beating')
  canary.child.kill('SIGTERM')
  t.equal(await canary.ended, 0)
})

t.test(
  'a canary that cannot write its record down ends by a code of its own, and does not go on without',
  async (t) => {
    t.equal(await (await start(t, 'blocked', 120_000, { most: 0 })).ended, unrecordedExitCode)
    // Its second line fits in part only.
    const full = await start(t, 'blocked', 120_000, { earlier: '\n'.repeat(470), most: 1 })
    t.equal(await full.ended, unrecordedExitCode)
    t.notOk(full.runs()[0]?.hung)
  },
)

t.test('a record that is not there is as bad', async (t) => {
  const child = spawn(process.execPath, [program, 'blocked', '/nowhere/record', '3', '20', '120000', 'SIGTERM'])
  t.teardown(() => child.kill('SIGKILL'))
  t.equal(await new Promise((resolve) => child.on('exit', resolve)), unrecordedExitCode)
})
