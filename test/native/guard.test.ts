import t from 'tap'
import { runTestsInC, withoutCompiler } from '../support/guard-tests.js'

t.test('the guard passes its own tests in C', { skip: withoutCompiler }, async (t) => {
  // What it does alone takes its time, and has a file of its own.
  const tests = ['parts', 'countdown', 'notify', 'process', 'page', 'live', 'watchdog']
  t.match(runTestsInC(t, { folder: 'guard', tests, fuzzSeconds: 3 }), /notify-fuzz: passed/)
})

t.test('the guard process passes its own tests in C', { skip: withoutCompiler }, async (t) => {
  t.match(runTestsInC(t, { folder: 'guard-process', fuzzSeconds: 3 }), /frame-fuzz: \d+ lots of 200 frames, 0 failures/)
})
