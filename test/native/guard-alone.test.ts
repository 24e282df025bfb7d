import t from 'tap'
import { runTestsInC, withoutCompiler } from '../support/guard-tests.js'

t.test('what the guard does alone passes its tests in C', { skip: withoutCompiler }, async (t) => {
  const stdout = runTestsInC(t, { folder: 'guard', tests: ['alone', 'stop'], fuzzSeconds: 0 })
  t.match(stdout, /^alone: \d+ passed, 0 failed$/m)
  t.match(stdout, /^stop: \d+ passed, 0 failed$/m)
})
