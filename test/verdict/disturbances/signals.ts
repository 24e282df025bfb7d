import { setTimeout as sleep } from 'node:timers/promises'
import type { Disturbance, Stage } from '../disturbance.js'
import { listTree, processState, until } from '../running-command.js'

/** How much longer than the limit a process stands still. */
export const stillFactor = 1.6

export const signalDisturbances: readonly Disturbance[] = [
  {
    name: 'supervisor-stopped',
    what: 'SIGSTOP of the supervisor for longer than the limit, SIGCONT',
    subject: 'python',
    expects: 'unharmed',
    disturb: (stage) => standStill(stage, [stage.watched.supervisorPid]),
  },
  {
    name: 'supervisor-stutters',
    what: 'SIGSTOP of the supervisor for half the limit, ten times in a row',
    subject: 'python-stream',
    expects: 'unharmed',
    disturb: async (stage) => {
      for (let time = 0; time < 10; time++) {
        await standStill(stage, [stage.watched.supervisorPid], 0.5)
        await sleep(20)
      }
    },
  },
  {
    name: 'service-stopped',
    what: 'SIGSTOP of the service for longer than the limit, SIGCONT',
    subject: 'python',
    expects: 'held',
    disturb: (stage) => standStill(stage, [stage.watched.servicePid]),
  },
  {
    name: 'both-stopped',
    what: 'SIGSTOP of service and supervisor for longer than the limit; the supervisor goes on first',
    subject: 'python',
    expects: 'unharmed',
    disturb: (stage) => standStill(stage, [stage.watched.supervisorPid, stage.watched.servicePid]),
  },
  {
    name: 'all-stopped',
    what: 'SIGSTOP of the whole process tree for longer than the limit, SIGCONT',
    subject: 'node',
    expects: 'unharmed',
    disturb: (stage) => standStill(stage, listTree(stage.watched.command.pid)),
  },
]

async function standStill(stage: Stage, pids: readonly number[], factor = stillFactor): Promise<void> {
  const goOn = (): void => {
    for (const pid of pids) signal(pid, 'SIGCONT')
  }
  stage.cleanUp(goOn)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  for (const pid of pids) await until(() => processState(pid) === 'T' || undefined, `stopped process ${pid}`)
  await sleep(stage.limitMs * factor)
  goOn()
}

/** At the end of a run a process may be gone. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended.
  }
}
