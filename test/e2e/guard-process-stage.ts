import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { lackOfGuardProgram } from '../../src/platform/guard-process.js'
import type { ServiceStatus } from '../../src/watch/status.js'
import { nativeAddon } from '../support/native.js'
import { fixture, Hangdog, hangdog, isAlive } from './hangdog.js'

const { skip } = nativeAddon()
const lack = lackOfGuardProgram()
export const needed = { skip: skip || (lack === undefined ? false : `skipped: ${lack}`) }

export interface Service {
  readonly heartbeat: string
  readonly command: readonly string[]
}

export const python: Service = { heartbeat: 'notify', command: ['/usr/bin/python3', fixture('notify-by-path.py')] }

/** A file of one service; its limit is short, and it is ended when it hangs. */
export function writeFile(
  directory: string,
  { heartbeat, command }: Service,
  more: Readonly<Record<string, unknown>> = {},
): string {
  const path = join(directory, 'hangdog.yaml')
  const service = { command, heartbeat, heartbeatTimeout: '2s', action: 2, evidenceTimeout: '1s', ...more }
  writeFileSync(path, JSON.stringify({ guard: 'process', services: { subject: service } }))
  return path
}

export const supervise = (t: Test, directory: string, file: string, environment: NodeJS.ProcessEnv = {}): Hangdog =>
  new Hangdog(t, ['supervise', '--config', file, '--state-dir', directory, '--log-format', 'json'], environment)

export async function status(t: Test, directory: string): Promise<ServiceStatus> {
  const { stdout } = await hangdog(t, ['status', '--json', '--state-dir', directory])
  return JSON.parse(stdout)
}

export async function pidOf(t: Test, directory: string): Promise<number> {
  return (await status(t, directory)).pid ?? 0
}

/** What the service and the guard would leave behind, if a test fails in the middle. */
export function endAtLast(t: Test, directory: string, ...pids: number[]): void {
  t.teardown(async () => {
    for (const pid of pids) if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGKILL')
    const file = join(directory, 'hangdog.yaml')
    const last = supervise(t, directory, file)
    await last.event('supervisor-started')
    await last.end()
  })
}
