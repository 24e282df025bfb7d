import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { runService, stateDirectory } from './hangdog.js'

const skip = existsSync('/usr/bin/python3') ? false : 'there is no python3'
const service = fileURLToPath(new URL('../fixtures/evidence/beats-then-locks.py', import.meta.url))

t.test('a Python service that beats by the client is explained when it locks itself up', { skip }, async (t) => {
  const limits = [
    '--timeout',
    '1s',
    '--action',
    'terminate',
    '--restart',
    'never',
    '--heartbeat',
    'notify',
    '--evidence-timeout',
    '15s',
  ]
  const ran = runService(t, limits, ['python3', service], stateDirectory(t))
  await ran.event('service-armed')
  const { parameters } = await ran.event('hang-explained')
  t.match(
    parameters?.cause,
    /^main thread waits for a lock in transfer \(beats-then-locks\.py:\d+\); thread \d+ waits for a lock in transfer /,
  )
  t.equal((await ran.finished).code, 124)
})
