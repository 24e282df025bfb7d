import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Disturbance, Stage } from '../disturbance.js'
import { listTree, until } from '../running-command.js'
import { groupName, lackOfRoot } from './machine.js'
import { stillFactor } from './signals.js'

const mount = '/sys/fs/cgroup/freezer'
const lack = (): string | undefined =>
  lackOfRoot() ??
  (existsSync(mount) ? undefined : 'no freezer control group (v1) is mounted; the one of v2 is tested in test/vm')

export const freezerDisturbances: readonly Disturbance[] = [
  {
    name: 'service-frozen',
    what: 'the service in a frozen control group for longer than the limit',
    subject: 'python',
    expects: 'held',
    lack,
    disturb: (stage) => freeze(stage, [stage.watched.servicePid]),
  },
  {
    name: 'all-frozen',
    what: 'service and supervisor in a frozen control group for longer than the limit',
    subject: 'node',
    expects: 'unharmed',
    lack,
    disturb: (stage) => freeze(stage, listTree(stage.watched.command.pid)),
  },
]

async function freeze(stage: Stage, pids: readonly number[]): Promise<void> {
  const group = join(mount, groupName())
  const state = join(group, 'freezer.state')
  const thaw = (): void => {
    writeFileSync(state, 'THAWED')
    for (const pid of pids) leave(pid)
  }
  mkdirSync(group)
  stage.cleanUp(() => rmdirSync(group))
  stage.cleanUp(() => writeFileSync(state, 'THAWED'))
  for (const pid of pids) writeFileSync(join(group, 'cgroup.procs'), String(pid))
  writeFileSync(state, 'FROZEN')
  await until(() => readFileSync(state, 'utf8').startsWith('FROZEN') || undefined, 'frozen group')
  await sleep(stage.limitMs * stillFactor)
  thaw()
}

function leave(pid: number): void {
  try {
    writeFileSync(join(mount, 'cgroup.procs'), String(pid))
  } catch {
    // It has ended: other watchdogs end it in there.
  }
}
