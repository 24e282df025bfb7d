import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Disturbance, Preparation, Stage } from '../disturbance.js'
import type { Setting } from '../watched.js'
import { lackOfProgram, lackOfRoot, runProgram } from './machine.js'
import { stillFactor } from './signals.js'

const whyOnlyHangdog = 'it keeps no state on disk'

export const diskDisturbances: readonly Disturbance[] = [
  {
    name: 'disk-stalls',
    what: 'the disk under the state directory takes no write for longer than the limit, twice; the service stutters meanwhile',
    subject: 'python-stream',
    expects: 'unharmed',
    onlyHangdog: whyOnlyHangdog,
    lack: () =>
      lackOfRoot() ??
      lackOfProgram('fsfreeze') ??
      lackOfProgram('mkfs.ext4') ??
      (existsSync('/dev/loop-control') ? undefined : 'no loop devices'),
    prepare: mountDisk,
    disturb: stallDisk,
  },
  {
    name: 'log-rotation',
    what: "the history and the service's output are moved away and cut to nothing while they are written",
    subject: 'python',
    expects: 'unharmed',
    onlyHangdog: whyOnlyHangdog,
    prepare: async () => ({ options: ['--output', 'file'] }),
    disturb: rotate,
  },
]

const mountPoint = ({ directory }: Pick<Preparation, 'directory'>): string => join(directory, 'disk')

/** A disk of its own for the state, in a file. */
async function mountDisk(preparation: Preparation): Promise<Setting> {
  const at = mountPoint(preparation)
  const image = join(preparation.directory, 'image')
  mkdirSync(at)
  await runProgram('truncate', '-s', '32M', image)
  await runProgram('mkfs.ext4', '-q', '-F', image)
  await runProgram('mount', '-o', 'loop', image, at)
  preparation.cleanUp(async () => {
    await runProgram('umount', at)
  })
  return { stateDirectory: join(at, 'state') }
}

/** A frozen file system accepts writes and does not do them: who writes waits. Silences make hangdog write just then. */
async function stallDisk(stage: Stage): Promise<void> {
  const at = mountPoint(stage)
  const stalledMs = stage.limitMs * stillFactor
  for (let time = 0; time < 2; time++) {
    // Thawed also when this program is killed.
    const rescue = spawn('sh', ['-c', `sleep ${Math.ceil(stalledMs / 1000) + 20}; fsfreeze --unfreeze ${at}`], {
      stdio: 'ignore',
      detached: true,
    })
    stage.cleanUp(() => rescue.kill('SIGKILL'))
    await runProgram('fsfreeze', '--freeze', at)
    try {
      // A warning of silence: an incident is prepared, and events are written.
      await stage.order(`quiet ${(stage.limitMs / 1000) * 0.7}`)
      await sleep(stalledMs)
    } finally {
      await runProgram('fsfreeze', '--unfreeze', at)
    }
  }
}

async function rotate(stage: Stage): Promise<void> {
  const state = join(stage.directory, 'state')
  for (let time = 0; time < 4; time++) {
    for (const file of listFiles(state).filter((name) => /\.(jsonl|log|out|err|txt)$/.test(name))) {
      if (time % 2 === 0) {
        renameSync(file, `${file}.${time}`)
        appendFileSync(file, '')
      } else truncateSync(file, 0)
    }
    // Something to write into what is new.
    await stage.order(`quiet ${(stage.limitMs / 1000) * 0.6}`)
    await sleep(stage.limitMs / 2)
  }
}

function listFiles(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
