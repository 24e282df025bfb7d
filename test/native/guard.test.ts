import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { makeFolder } from '../heartbeat/stream-fixture.js'

const folder = fileURLToPath(new URL('../../native/guard/', import.meta.url))
const lacking = ['gcc', 'make'].find((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0)

t.test(
  'the guard passes its own tests in C',
  { skip: lacking === undefined ? false : `skipped: there is no ${lacking}` },
  async (t) => {
    const { stdout, stderr, status } = spawnSync('make', ['check', `BUILD=${makeFolder(t)}`, 'FUZZ_SECONDS=3'], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 110_000,
    })
    for (const line of stdout.split('\n')) {
      if (line.startsWith('ok ')) t.pass(line.slice(3))
      else if (line.startsWith('NOT OK ')) t.fail(line.slice(7), { stdout })
    }
    t.equal(status, 0, 'make check', { stdout, stderr })
    t.match(stdout, /notify-fuzz: passed/)
  },
)
