import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Disturbance, Stage } from '../disturbance.js'
import { listTree } from '../running-command.js'
import { groupName, lackOfRoot } from './machine.js'

/** No load lasts longer than this, in ms, also when this program is killed. */
const longestLoadMs = 15_000

export const loadDisturbances: readonly Disturbance[] = [
  ...[8, 32, 64].map(busyLoops),
  {
    name: 'memory-pressure',
    what: 'supervisor and service in a control group whose memory is used up by page cache that is read again and again',
    subject: 'python-stream',
    expects: 'unharmed',
    alone: true,
    lack: () => lackOfRoot() ?? (existsSync(memoryMount) ? undefined : 'no memory control group (v1) is mounted'),
    disturb: pressMemory,
  },
]

function busyLoops(count: number): Disturbance {
  return {
    name: `busy-${count}`,
    what: `${count} busy loops`,
    subject: 'python',
    expects: 'unharmed',
    alone: true,
    disturb: async (stage) => {
      const span = Math.min(longestLoadMs, 2 * stage.limitMs + 1000)
      const loops = Array.from({ length: count }, () =>
        startLoad(`end=$((SECONDS+${Math.ceil(span / 1000)})); while [ $SECONDS -lt $end ]; do :; done`),
      )
      const end = (): void => {
        for (const loop of loops) loop.kill('SIGKILL')
      }
      stage.cleanUp(end)
      await sleep(span)
      end()
    },
  }
}

function startLoad(script: string): ChildProcess {
  return spawn('bash', ['-c', script], { stdio: 'ignore' })
}

const memoryMount = '/sys/fs/cgroup/memory'
/** Enough for the supervisor and the service, and for little else. */
const groupBytes = 160 * 1024 * 1024
const fileMegabytes = 256

/** The kernel drops pages of the programs' own code to make room for the file's, so that they wait for the disk. */
async function pressMemory(stage: Stage): Promise<void> {
  const group = join(memoryMount, groupName())
  const file = join(stage.directory, 'pages')
  mkdirSync(group)
  stage.cleanUp(() => rmdirSync(group))
  writeFileSync(join(group, 'memory.limit_in_bytes'), String(groupBytes))
  const tree = listTree(stage.watched.command.pid)
  // Out of it again, or the group cannot be removed while they run.
  const leave = (): void => {
    for (const pid of tree) enter(memoryMount, pid)
  }
  stage.cleanUp(leave)
  for (const pid of tree) enter(group, pid)
  const span = Math.min(longestLoadMs, 2 * stage.limitMs + 2000)
  const reader = startLoad(
    `echo $$ > ${group}/cgroup.procs; dd if=/dev/zero of=${file} bs=1M count=${fileMegabytes} status=none
     end=$((SECONDS+${Math.ceil(span / 1000)})); while [ $SECONDS -lt $end ]; do cat ${file}; done > /dev/null`,
  )
  const ended = new Promise<void>((resolve) => reader.once('close', () => resolve()))
  stage.cleanUp(async () => {
    reader.kill('SIGKILL')
    await ended
  })
  await sleep(span)
  leave()
}

function enter(group: string, pid: number): void {
  try {
    writeFileSync(join(group, 'cgroup.procs'), String(pid))
  } catch {
    // It has ended.
  }
}
