import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { makeFolder } from '../heartbeat/stream-fixture.js'

const suites = [
  { name: 'the guard', folder: 'guard', fuzz: /notify-fuzz: passed/ },
  { name: 'the guard process', folder: 'guard-process', fuzz: /frame-fuzz: \d+ lots of 200 frames, 0 failures/ },
]
const lacking = ['gcc', 'make'].find((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0)

for (const { name, folder, fuzz } of suites) {
  const skip = lacking === undefined ? false : `skipped: there is no ${lacking}`
  t.test(`${name} passes its own tests in C`, { skip }, async (t) => {
    const { stdout, stderr, status } = spawnSync('make', ['check', `BUILD=${makeFolder(t)}`, 'FUZZ_SECONDS=3'], {
      cwd: fileURLToPath(new URL(`../../native/${folder}/`, import.meta.url)),
      encoding: 'utf8',
      timeout: 110_000,
    })
    for (const line of stdout.split('\n')) {
      if (line.startsWith('ok ')) t.pass(line.slice(3))
      else if (line.startsWith('NOT OK ')) t.fail(line.slice(7), { stdout })
    }
    t.equal(status, 0, 'make check', { stdout, stderr })
    t.match(stdout, fuzz)
  })
}
