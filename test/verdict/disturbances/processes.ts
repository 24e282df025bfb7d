import { setTimeout as sleep } from 'node:timers/promises'
import { lackOfGuardProgram } from '../../../src/platform/guard-process.js'
import type { Disturbance, Stage } from '../disturbance.js'
import { isAlive, until } from '../running-command.js'

const whyOnlyHangdog = 'its services do not outlive it'

export const processDisturbances: readonly Disturbance[] = [
  {
    name: 'supervisor-killed',
    what: 'kill -9 of the supervisor; it is started again later than the limit',
    subject: 'python-stream',
    expects: 'unharmed',
    onlyHangdog: whyOnlyHangdog,
    lack: lackOfGuardProgram,
    prepare: async () => ({ guardProcess: true }),
    disturb: killSupervisor,
  },
  {
    name: 're-exec',
    orders: true,
    what: 'the service executes itself anew, three times; its pid stays',
    subject: 'python',
    expects: 'unharmed',
    disturb: async (stage) => {
      for (let time = 0; time < 3; time++) {
        const { pid } = await stage.order('exec')
        await sleep(stage.limitMs)
        if (pid !== stage.watched.servicePid) throw new Error('it did not keep its pid')
      }
    },
  },
  {
    name: 'workers',
    orders: true,
    what: 'the service forks eight workers, of which all are stopped and then killed',
    subject: 'python',
    expects: 'unharmed',
    disturb: async (stage) => {
      await stage.order('fork 8')
      await stage.order('stop-workers')
      await sleep(stage.limitMs * 1.2)
      await stage.order('kill-workers')
      await sleep(stage.limitMs)
    },
  },
  {
    name: 'main-pid-moves',
    orders: true,
    what: 'a child takes over and is announced by MAINPID; the first process waits for it',
    subject: 'python',
    expects: 'unharmed',
    prepare: async () => ({ options: ['--notify-access', 'all'] }),
    disturb: (stage) => become(stage, false),
  },
  {
    name: 'main-pid-replaced',
    orders: true,
    what: 'a child takes over and is announced by MAINPID; the first process ends',
    subject: 'python',
    expects: 'unharmed',
    prepare: async () => ({ options: ['--notify-access', 'all'] }),
    disturb: (stage) => become(stage, true),
  },
]

async function killSupervisor({ watched, limitMs }: Stage): Promise<void> {
  const { servicePid, command } = watched
  if (watched.restart === undefined) throw new Error('this supervisor cannot be started again')
  command.child.kill('SIGKILL')
  await command.exited
  await sleep(limitMs * 1.6)
  if (!isAlive(servicePid)) throw new Error('the service ended with its supervisor')
  await watched.restart()
}

async function become(stage: Stage, parentEnds: boolean): Promise<void> {
  const { pid: first } = await stage.order('pid')
  await stage.order(`become ${parentEnds ? 1 : 0}`)
  const begin = performance.now()
  const { pid: second } = await stage.order('pid')
  if (second === first) throw new Error('no other process took over')
  await sleep(Math.max(0, stage.limitMs * 1.6 - (performance.now() - begin)))
  if (parentEnds) await until(() => !isAlive(first) || undefined, 'end of the first process')
}
