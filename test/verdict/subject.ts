import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Obeyed, SubjectKind } from './disturbance.js'
import { patienceMs } from './running-command.js'
import type { Service } from './watched.js'

const file = (name: string): string => fileURLToPath(new URL(`services/${name}`, import.meta.url))

const ordersIn = (directory: string): string => join(directory, 'orders')

/** A healthy service that takes orders. @param port where it answers HTTP as well */
export function makeSubject(kind: SubjectKind, directory: string, port: number | undefined): Service {
  const environment = port === undefined ? {} : { PORT: String(port) }
  const node = (...options: string[]): Service => ({
    heartbeat: 'node',
    command: [process.execPath, '--expose-gc', ...options, file('subject.mjs'), ordersIn(directory)],
    environment,
  })
  switch (kind) {
    case 'python':
    case 'python-stream':
      return {
        heartbeat: kind === 'python' ? 'notify' : 'stream',
        // Not by a version manager's shim, which starts a shell first.
        command: ['/usr/bin/python3', file('subject.py'), ordersIn(directory)],
        environment,
      }
    case 'node':
      return node()
    case 'node-inspected':
      return node('--inspect=127.0.0.1:0')
    default:
      return kind satisfies never
  }
}

/** Gives an order to the service of this directory. It may be busy, or about to listen again. */
export async function giveOrder(directory: string, text: string): Promise<Obeyed> {
  const end = performance.now() + patienceMs
  for (;;) {
    try {
      const [pid, at] = (await ask(ordersIn(directory), text)).split(' ')
      return { pid: Number(pid), at: Number(at) }
    } catch (error) {
      if (performance.now() > end) throw new Error(`the service takes no order "${text}"`, { cause: error })
      await sleep(20)
    }
  }
}

function ask(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(`${text}\n`))
    let answer = ''
    socket.setEncoding('utf8').on('data', (data: string) => {
      answer += data
    })
    socket.on('error', reject)
    socket.on('close', () => (answer === '' ? reject(new Error('it did not answer')) : resolve(answer)))
  })
}
