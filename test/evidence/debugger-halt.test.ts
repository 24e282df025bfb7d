import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { isHaltedByDebugger } from '../../src/evidence/debugger-halt.js'
import { readStat } from '../../src/platform/linux-proc.js'
import type { ProcessIdentity } from '../../src/platform/platform.js'

interface Program {
  readonly identity: ProcessIdentity
  /** Where a debugger may attach itself. */
  readonly inspector: string
}

const linux = process.platform === 'linux' ? {} : { skip: 'skipped: reads /proc' }

/** A Node program with its inspector on a random port, and a web port of its own beside it. */
async function start(t: Test, source: string): Promise<Program> {
  const before = "require('node:http').createServer(() => {}).listen(0, '127.0.0.1');"
  const child = spawn(process.execPath, ['--inspect=127.0.0.1:0', '-e', before + source], {
    env: {},
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stderr })) {
    const inspector = /ws:\S+/.exec(line)?.[0]
    const pid = child.pid ?? 0
    if (inspector !== undefined) return { inspector, identity: { pid, startTime: readStat(pid)?.startTime ?? '' } }
  }
  throw new Error('its inspector did not open')
}

/** Halts it as a debugger does; resolves with what lets it go on. */
async function halt(t: Test, { inspector }: Program): Promise<() => void> {
  const socket = new WebSocket(inspector)
  t.teardown(() => socket.terminate())
  const send = (id: number, method: string): void => socket.send(JSON.stringify({ id, method }))
  await new Promise((resolve) => socket.once('open', resolve))
  const paused = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      if (String(data).includes('"Debugger.paused"')) resolve()
    })
  })
  send(1, 'Debugger.enable')
  send(2, 'Debugger.pause')
  await paused
  return () => send(3, 'Debugger.resume')
}

t.test(
  'a program at a breakpoint is halted, each time it is asked, until its debugger lets it go on',
  linux,
  async (t) => {
    const program = await start(t, 'setInterval(() => {}, 20)')
    t.equal(await isHaltedByDebugger(program.identity), false)
    const goOn = await halt(t, program)
    for (let time = 0; time < 3; time++) t.equal(await isHaltedByDebugger(program.identity), true)
    goOn()
    for (let tries = 0; tries < 100 && (await isHaltedByDebugger(program.identity)); tries++);
    t.equal(await isHaltedByDebugger(program.identity), false)
  },
)

t.test('a program that waits for ever is not halted, though its inspector is open', linux, async (t) => {
  const blocked = 'setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50)'
  const program = await start(t, blocked)
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(await isHaltedByDebugger(program.identity), false)
})

t.test('what is no Node program, or is not there, is not halted', linux, async (t) => {
  const child = spawn('sleep', ['30'], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  t.equal(await isHaltedByDebugger({ pid: child.pid ?? 0, startTime: '' }), false)
  t.equal(await isHaltedByDebugger({ pid: 2 ** 22 + 1, startTime: '' }), false)
})
