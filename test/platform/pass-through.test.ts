import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fixture, temporaryDirectory, until } from './support.js'

interface Report {
  readonly dropped: number
  readonly longestTurn: number
  readonly lastLines: readonly string[]
}

/** Runs a command as a service of a hangdog whose stdout is given. */
function passThrough(t: Test, stdout: number | 'pipe', command: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, fixture('pass-through.ts'), ...command], {
    stdio: ['ignore', stdout, 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const messages = new Map<string, unknown>()
  child.on('message', (message: { readonly kind: string }) => messages.set(message.kind, message))
  const report = new Promise<Report>((resolve, reject) => {
    child.on('message', (message: { readonly kind: string }) => {
      if (message.kind === 'report') resolve(message as unknown as Report)
    })
    child.once('exit', () => reject(new Error('ended without a report')))
  })
  return { child, report, has: (kind: string) => messages.has(kind) }
}

const lines = 300_000
const talk = ['seq', '1', String(lines)]
const spoken = () => Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join('')

function fifo(t: Test): number {
  const path = join(temporaryDirectory(t), 'fifo')
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => closeSync(fd))
  return fd
}

t.test('a reader that takes nothing blocks neither hangdog nor the service, and what is lost is counted', async (t) => {
  const { report, has } = passThrough(t, fifo(t), talk)
  await until('the service has ended', () => has('ended'), 60_000)
  const { dropped, longestTurn, lastLines } = await report
  const queueAndPipe = 1024 * 1024 + 64 * 1024 + 64 * 1024
  t.ok(dropped >= spoken().length - queueAndPipe, `${dropped} bytes were dropped`)
  t.ok(dropped < spoken().length, 'not all was dropped')
  t.ok(longestTurn < 2000, `the event loop turned within ${Math.round(longestTurn)} ms`)
  t.same(lastLines, [String(lines - 1), String(lines)], 'the last lines are remembered all the same')
})

t.test('a slow reader gets everything, in order', async (t) => {
  const fd = fifo(t)
  const { report, has } = passThrough(t, fd, talk)
  await until('the service runs', () => has('started'), 60_000)
  const chunks: Buffer[] = []
  let reported = false
  const done = report.then((result) => {
    reported = true
    return result
  })
  const take = () => {
    const chunk = Buffer.alloc(32 * 1024)
    try {
      chunks.push(chunk.subarray(0, readSync(fd, chunk)))
      return true
    } catch {
      return false
    }
  }
  while (!reported) {
    take()
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
  while (take());
  t.equal((await done).dropped, 0)
  t.ok(Buffer.concat(chunks).toString() === spoken(), 'every line came, in order')
})

t.test('a socket as stdout gets everything, in order', async (t) => {
  const { child, report } = passThrough(t, 'pipe', talk)
  const chunks: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = new Promise((resolve) => child.once('close', resolve))
  t.equal((await report).dropped, 0)
  await closed
  t.ok(Buffer.concat(chunks).toString() === spoken(), 'every line came, in order')
})

t.test('a file as stdout gets everything, in order, after what is there', async (t) => {
  const path = join(temporaryDirectory(t), 'file')
  execFileSync('sh', ['-c', `echo before > ${path}`])
  const fd = openSync(path, 'a')
  t.teardown(() => closeSync(fd))
  const { report } = passThrough(t, fd, talk)
  t.equal((await report).dropped, 0)
  t.ok(readFileSync(path, 'utf8') === `before\n${spoken()}`, 'every line came, in order')
})

t.test('a reader that goes away costs the output, not the service', async (t) => {
  const { child, report } = passThrough(t, 'pipe', talk)
  child.stdout?.destroy()
  const { dropped, lastLines } = await report
  t.ok(dropped > 0)
  t.same(lastLines, [String(lines - 1), String(lines)])
})
