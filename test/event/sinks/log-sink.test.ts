import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createLogSink, type LogOutput } from '../../../src/event/sinks/log-sink.js'
import { systemClock } from '../../../src/system-clock.js'
import { FakeClock } from '../../support/fake-clock.js'
import { collectEmitted, critical, information } from '../events.js'

function memoryOutput(): LogOutput & { queued: number; failed: boolean; text: string } {
  return {
    queued: 0,
    failed: false,
    text: '',
    write(chunk) {
      this.text += chunk.toString()
    },
  }
}

t.test('a line of JSON has the fields of the event', async (t) => {
  const output = memoryOutput()
  const sink = await createLogSink({ output, format: 'json', colour: false, clock: systemClock, report: () => {} })
  const event = critical('no way')
  sink.record(event)
  await sink.flush()
  t.strictSame(JSON.parse(output.text), event)
  t.ok(output.text.endsWith('\n'))
})

t.test('pretty lines are for people: local time, level, service, message, number', async (t) => {
  const output = memoryOutput()
  const sink = await createLogSink({ output, format: 'pretty', colour: false, clock: systemClock, report: () => {} })
  sink.record(information('hello'))
  sink.record(critical('no way'))
  const [first, second] = output.text.split('\n')
  t.match(first, /^\[\d\d:\d\d:\d\d\.\d{3}\] INFORMATION: web: The service says: hello \(15806\)$/)
  t.match(second, /CRITICAL: web: The machine could not be stopped by test: no way \(15826\)$/)
  t.notMatch(output.text, '\u001b')
})

t.test('colour is used when asked for', async (t) => {
  const output = memoryOutput()
  const sink = await createLogSink({ output, format: 'pretty', colour: true, clock: systemClock, report: () => {} })
  sink.record(critical('no way'))
  t.match(output.text, '\u001b[')
})

t.test('lines that nobody reads are dropped and told once, and the end of it too', async (t) => {
  const output = memoryOutput()
  const emitted = collectEmitted()
  const sink = await createLogSink({
    output,
    format: 'json',
    colour: false,
    clock: new FakeClock(),
    report: emitted.emit,
  })
  output.queued = 300 * 1024
  for (let number = 0; number < 10; number += 1) sink.record(information('x'))
  t.equal(output.text, '')
  t.match(emitted.of('sink-failed'), [{ parameters: { sink: 'the log', count: 1 } }])
  output.queued = 0
  sink.record(information('y'))
  t.match(output.text, '"y"')
  t.match(emitted.of('sink-recovered'), [{ parameters: { count: 10 } }])
})

t.test('flushing waits for the output, but not for ever', async (t) => {
  const output = memoryOutput()
  const sink = await createLogSink({ output, format: 'json', colour: false, clock: systemClock, report: () => {} })
  output.queued = 1
  setTimeout(() => {
    output.queued = 0
  }, 100)
  await sink.flush()
  t.equal(output.queued, 0)
  output.queued = 1
  await sink.flush()
  t.equal(output.queued, 1)
})

for (const kind of ['pipe', 'socket'] as const) {
  t.test(`a ${kind} that nobody reads does not hold up the process`, async (t) => {
    const fixture = fileURLToPath(new URL('../../fixtures/event/log-flood.ts', import.meta.url))
    const command = [process.execPath, ...process.execArgv, fixture]
    // Node's own pipes are sockets; the shell's is a pipe, whose reader here reads nothing.
    const quoted = command.map((word) => `'${word}'`).join(' ')
    const child =
      kind === 'socket'
        ? spawn(process.execPath, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
        : spawn('sh', ['-c', `exec 3>&1; ${quoted} 2>&1 >&3 | { read -r line <&4; }`], {
            stdio: ['ignore', 'pipe', 'inherit', 'ignore', 'pipe'],
          })
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      // Lets the reader of the pipe end.
      const gate = child.stdio[4]
      if (gate !== null && gate !== undefined && 'end' in gate) gate.end('go\n')
    })
    await new Promise((resolve) => child.on('exit', resolve))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const { dropped, longestTurnMs } = JSON.parse(text) as { dropped: number; longestTurnMs: number }
    t.ok(dropped > 0, `${dropped} dropped`)
    t.ok(longestTurnMs < 5000, `longest turn ${longestTurnMs} ms`)
  })
}
