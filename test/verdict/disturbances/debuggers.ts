import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Disturbance, Stage } from '../disturbance.js'
import { processState, until } from '../running-command.js'
import { lackOfProgram } from './machine.js'
import { stillFactor } from './signals.js'

export const debuggerDisturbances: readonly Disturbance[] = [
  {
    name: 'gdb',
    what: 'gdb stops the service for longer than the limit, and detaches',
    subject: 'python',
    expects: 'held',
    lack: () => lackOfProgram('gdb'),
    disturb: debugNative,
  },
  {
    name: 'inspector-breakpoint',
    orders: true,
    what: 'a debugger halts JavaScript of a Node service by its inspector for longer than the limit',
    subject: 'node-inspected',
    expects: 'held',
    disturb: debugJavaScript,
  },
]

async function debugNative(stage: Stage): Promise<void> {
  const pid = stage.watched.servicePid
  const gdb = spawn('gdb', ['-nx', '-q', '-p', String(pid)], { stdio: ['pipe', 'ignore', 'ignore'] })
  const ended = new Promise<void>((resolve) => gdb.once('close', () => resolve()))
  stage.cleanUp(() => gdb.kill('SIGKILL'))
  await until(() => processState(pid) === 't' || undefined, 'process stopped by gdb')
  await sleep(stage.limitMs * stillFactor)
  gdb.stdin.end('detach\nquit\n')
  await ended
}

async function debugJavaScript(stage: Stage): Promise<void> {
  const lines = stage.watched.serviceLines
  const address = await until(() => findAddress(lines), 'address of the inspector')
  const socket = new WebSocket(address)
  stage.cleanUp(() => socket.terminate())
  const paused = new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.on('message', (data) => {
      if (String(data).includes('"Debugger.paused"')) resolve()
    })
  })
  await new Promise<void>((resolve, reject) => socket.once('open', () => resolve()).once('error', reject))
  const send = (id: number, method: string): void => socket.send(JSON.stringify({ id, method }))
  send(1, 'Debugger.enable')
  send(2, 'Debugger.pause')
  await paused
  // The verdict takes its time to ask.
  await sleep(stage.limitMs * stillFactor + 1500)
  send(3, 'Debugger.resume')
  await sleep(20)
  socket.close()
}

function findAddress(lines: readonly string[]): string | undefined {
  return lines.map((line) => /ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+/.exec(line)?.[0]).find((found) => found !== undefined)
}
