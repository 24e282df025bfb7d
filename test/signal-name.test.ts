import t from 'tap'
import { readPolicyOptions } from '../src/cli/policy-options.js'
import { refuseByDefinition } from '../src/property/bounds.js'
import { isEndingSignal, parseSignal } from '../src/signal-name.js'
import { parseSuperviseFile } from '../src/supervise-file.js'
import { definitionOf } from './property/support.js'

/** The three places where TerminateSignal can be given. @returns whether each takes the signal */
function places(signal: string): Readonly<Record<string, () => unknown>> {
  const yaml = `services: { web: { command: [a], terminateSignal: ${signal} } }`
  return {
    'the command line': () => readPolicyOptions({ terminateSignal: signal }),
    'a file': () => parseSuperviseFile(yaml, 'hangdog.yaml'),
    'a property': () => {
      const expected = refuseByDefinition(definitionOf('TerminateSignal'), { format: 'SZ', value: signal })
      if (expected !== undefined) throw new Error(`expected ${expected}`)
    },
  }
}

t.test('a service can be asked to end with a signal that can end it', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGABRT', 'SIGUSR2', 'SIGWINCH', 'SIGKILL']) {
    t.equal(parseSignal(signal, '--terminate-signal'), signal)
    for (const [place, take] of Object.entries(places(signal))) t.doesNotThrow(take, `${signal} in ${place}`)
  }
})

t.test('what stops a process, or lets it go on, is refused wherever it is given', async (t) => {
  for (const signal of ['SIGSTOP', 'SIGCONT', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU']) {
    t.notOk(isEndingSignal(signal), signal)
    for (const [place, take] of Object.entries(places(signal))) {
      t.throws(take, { message: /a signal by name that can end a process, such as/ }, `${signal} in ${place}`)
    }
  }
  for (const signal of ['SIGFOO', 'TERM', 'sigterm', '15', 'constructor']) {
    for (const [place, take] of Object.entries(places(signal))) t.throws(take, `${signal} in ${place}`)
  }
  t.throws(() => parseSignal('SIGSTOP', '--terminate-signal'), {
    code: 'usage',
    message:
      'cannot read --terminate-signal "SIGSTOP": expected a signal by name that can end a process, such as SIGTERM or SIGINT',
  })
})
